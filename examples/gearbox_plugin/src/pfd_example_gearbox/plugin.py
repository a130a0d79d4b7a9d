"""The manifest: what there is, named as text, so that nothing heavy is loaded before it is needed."""

from __future__ import annotations

from pfd import Command, JobEnd, PluginSettings, Reference, ResultView, Tables, Task, hookimpl
from pfd_example_gearbox.params import (
    AddedGearbox,
    AddGearboxParams,
    Campaign,
    CampaignParams,
    Spectrum,
    SpectrumParams,
)
from pfd_example_gearbox.settings import GearboxSettings

PACKAGE = "pfd_example_gearbox"

add_gearbox_task = Task(
    "add_gearbox_task",
    run=f"{PACKAGE}.tasks:add_gearbox",
    params=AddGearboxParams,
    result=AddedGearbox,
    summary="Store the gears of a gearbox under a name.",
    isolation="inline",
    time_limit=10,
)
mesh_spectrum_task = Task(
    "mesh_spectrum_task",
    run=f"{PACKAGE}.spectrum:mesh_spectrum",
    row=f"{PACKAGE}.store:draft",
    params=SpectrumParams,
    result=Spectrum,
    summary="Look at the sidebands of a tooth mesh.",
    preload=("numpy",),
)
gear_campaign_task = Task(
    "gear_campaign_task",
    run=f"{PACKAGE}.campaign:campaign",
    params=CampaignParams,
    result=Campaign,
    summary="Find the smallest fault of a gear that is seen.",
    coordinator=True,
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [add_gearbox_task, mesh_spectrum_task, gear_campaign_task]


@hookimpl
def pfd_register_settings() -> type[PluginSettings]:
    return GearboxSettings


@hookimpl
def pfd_register_records() -> list[Tables]:
    return [
        Tables(name="gearbox", module=f"{PACKAGE}.records", migrations=f"{PACKAGE}.migrations", head="gearbox_0001")
    ]


@hookimpl
def pfd_register_references() -> list[Reference]:
    return [Reference("gearbox", find=f"{PACKAGE}.store:find_gearbox", names=f"{PACKAGE}.store:names")]


@hookimpl
def pfd_register_commands() -> list[Command]:
    return [Command("gearbox", load=f"{PACKAGE}.cli:gearbox", help="List gearboxes, their meshes and their spectra.")]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    views = f"{PACKAGE}.views"
    return [
        ResultView("mesh_spectrum_task", blocks=f"{views}:spectrum_ended", live=f"{views}:spectrum_so_far"),
        ResultView("gear_campaign_task", blocks=f"{views}:campaign_ended"),
    ]


@hookimpl
def pfd_after_job(end: JobEnd) -> None:
    if end.task is mesh_spectrum_task:
        from pfd_example_gearbox.alarm import note

        note(end.job, end.settings.of(GearboxSettings))

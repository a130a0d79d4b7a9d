"""The command `pfd gearbox`."""

from __future__ import annotations

import click

from pfd import load_settings, reading, writing
from pfd.console import echo, one_line, print_json, print_table, progress_bar
from pfd_example_gearbox import store
from pfd_example_gearbox.kinematics import meshes
from pfd_example_gearbox.settings import GearboxSettings

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def gearbox() -> None:
    """List gearboxes, their meshes and their spectra."""


@gearbox.command()
@as_json
def ls(as_json: bool) -> None:
    """List the gearboxes."""
    with reading() as session:
        found = [(row.name, row.id, list(row.teeth)) for row in store.gearboxes(session)]
    if as_json:
        print_json([{"name": name, "id": number, "teeth": teeth} for name, number, teeth in found])
    else:
        rows = [(name, str(number), ",".join(map(str, teeth))) for name, number, teeth in found]
        print_table(("gearbox", "id", "teeth"), rows, right={1})


@gearbox.command()
@click.argument("name")
@click.option("--rpm", type=click.FloatRange(min=0, min_open=True), multiple=True, help="Speeds of the input shaft.")
@as_json
def lines(name: str, rpm: tuple[float, ...], as_json: bool) -> None:
    """Print where the meshes of the gearbox NAME show."""
    with reading() as session:
        teeth = list(store.find_gearbox(session, name).teeth)
    found = []
    with progress_bar("meshes", len(rpm), quiet=as_json) as bar:
        for speed in rpm or (1500.0,):
            found += [(speed, mesh) for mesh in meshes(teeth, speed)]
            bar.advance(status=f"{speed:g} rev/min")
    if as_json:
        print_json([{"rpm": speed, **mesh._asdict()} for speed, mesh in found])
    else:
        rows = [(f"{rpm:g}", str(mesh.stage), f"{mesh.shaft_hz:.2f}", f"{mesh.mesh_hz:.2f}") for rpm, mesh in found]
        print_table(("rev/min", "stage", "shaft, Hz", "mesh, Hz"), rows, right={0, 1, 2, 3})


@gearbox.command()
@as_json
def spectra(as_json: bool) -> None:
    """List the newest spectra, also those that wait, run or have failed."""
    limit = load_settings().values.of(GearboxSettings).limit
    with reading() as session:
        found = [(row.id, row.gearbox, row.sideband_ratio, status, why) for row, status, why in store.spectra(session)]
    if as_json:
        names = ("id", "gearbox", "sideband_ratio", "status", "reason")
        print_json([dict(zip(names, row, strict=True)) for row in found])
        return
    rows = [
        (str(number), name or "", "" if ratio is None else f"{ratio:.3f}", status.value, why)
        for number, name, ratio, status, why in found
    ]
    print_table(("id", "gearbox", "ratio", "status", "reason"), rows, right={0, 2})
    echo(f"a gear is suspect above {limit:g}")


@gearbox.command()
@click.argument("name")
def rm(name: str) -> None:
    """Remove the gearbox NAME; spectra that name it fail from now on."""
    with writing() as session:
        session.delete(store.find_gearbox(session, name))
    echo(f"removed {one_line(name)}")

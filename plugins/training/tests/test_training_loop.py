"""The training loop on small made-up windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pfd import DataError
from pfd_plugin_data import znorm
from pfd_plugin_training import WindowDataset, checkpoint
from pfd_plugin_training.checkpoint import Checkpoint
from pfd_plugin_training.cnn1d import Cnn1d, Cnn1dConfig, build
from pfd_plugin_training.loop import FitOptions, Fitted, class_weights, cpu_threads, fit, predict, weighted_loss
from pfd_plugin_training.torch_windows import WindowIndex

WINDOW = 256
OPTIONS = FitOptions(epochs=4, batch_size=16, learning_rate=3e-3, seed=7, run="this")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with cpu_threads(1):
        yield


def windows(seed: int, counts: tuple[int, ...] = (24, 24, 24), *, shuffled: bool = False) -> WindowDataset:
    """One recording a class, a tone of its own pitch in noise; with `shuffled`, classes dealt at random."""
    rng = np.random.default_rng(seed)
    signals, record, start = {}, [], []
    for index, count in enumerate(counts):
        time = np.arange(count * WINDOW)
        tone = np.sin(2 * np.pi * (0.03 + 0.06 * index) * time)
        signals[index] = (tone + rng.standard_normal(time.size)).astype(np.float32)
        record += [index] * count
        start += [WINDOW * i for i in range(count)]
    y = np.array(record, dtype=np.int64)
    if shuffled:
        rng.shuffle(y)
    return WindowDataset(signals, WindowIndex(np.array(record), np.array(start), y), WINDOW)


def trained(options: FitOptions = OPTIONS, validation: WindowDataset | None = None) -> tuple[Cnn1d, Fitted]:
    network = build(Cnn1dConfig(3), options.seed)
    return network, fit(network, windows(1), validation, options)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_an_easy_set_far_better_than_the_majority_class() -> None:
    network, _ = trained(validation=windows(2))
    unseen = windows(3)
    accuracy = np.mean(predict(network, unseen).argmax(axis=1) == unseen.index.y)
    assert accuracy > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_gives_others() -> None:
    first, again = trained()[0].state_dict(), trained()[0].state_dict()
    other = trained(FitOptions(4, 16, 3e-3, seed=8))[0].state_dict()
    assert same(first, again)
    assert not same(first, other)


def test_the_weights_kept_are_those_of_the_epoch_with_the_least_validation_loss() -> None:
    # Labels dealt at random: the surer the network, the worse, so that the best epoch is not the last.
    states: list[Checkpoint] = []
    network = build(Cnn1dConfig(3), 7)
    fitted = fit(network, windows(1), windows(2, shuffled=True), OPTIONS, on_epoch=states.append)
    losses = [epoch.val_loss for epoch in fitted.history if epoch.val_loss is not None]
    assert fitted.best_epoch == 1 + int(np.argmin(losses)) < OPTIONS.epochs
    assert same(network.state_dict(), states[fitted.best_epoch - 1].weights)
    assert not same(network.state_dict(), states[-1].weights)


def test_kept_weights_do_not_change_when_the_network_trains_on() -> None:
    network = build(Cnn1dConfig(3), 7)
    seen: list[tuple[Checkpoint, dict[str, torch.Tensor]]] = []

    def note(state: Checkpoint) -> None:
        seen.append((state, {name: tensor.clone() for name, tensor in state.best.items()}))

    fit(network, windows(1), windows(2), OPTIONS, on_epoch=note)
    assert all(same(state.best, then) for state, then in seen)
    live = {tensor.data_ptr() for tensor in network.state_dict().values()}
    assert live.isdisjoint(tensor.data_ptr() for state, _ in seen for tensor in state.best.values())


def test_without_a_validation_part_the_last_epoch_is_kept() -> None:
    states: list[Checkpoint] = []
    network = build(Cnn1dConfig(3), 7)
    fitted = fit(network, windows(1), None, OPTIONS, on_epoch=states.append)
    assert fitted.best_epoch == OPTIONS.epochs
    assert {epoch.val_loss for epoch in fitted.history} == {None}
    assert same(network.state_dict(), states[-1].weights)


@pytest.mark.parametrize("with_validation", [True, False])
def test_a_run_that_goes_on_from_a_checkpoint_ends_as_an_unbroken_one(tmp_path: Path, with_validation: bool) -> None:
    validation = windows(2) if with_validation else None
    states: list[Checkpoint] = []
    unbroken = build(Cnn1dConfig(3), 7)
    whole = fit(unbroken, windows(1), validation, OPTIONS, on_epoch=states.append)
    checkpoint.save(tmp_path / "c.safetensors", states[1])
    resume = checkpoint.load(tmp_path / "c.safetensors", "this")
    assert resume is not None
    resumed = build(Cnn1dConfig(3), seed=99)
    rest = fit(resumed, windows(1), validation, OPTIONS, resume=resume)
    assert rest == whole
    assert same(resumed.state_dict(), unbroken.state_dict())


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_used(tmp_path: Path) -> None:
    states: list[Checkpoint] = []
    fit(
        build(Cnn1dConfig(3), 7),
        windows(1, (4, 4, 4)),
        None,
        FitOptions(1, 4, 1e-3, 0, run="this"),
        on_epoch=states.append,
    )
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, states[0])
    assert checkpoint.load(path, "another") is None
    path.write_bytes(path.read_bytes()[:-100])
    assert checkpoint.load(path, "this") is None


def test_each_batch_is_announced_so_that_a_job_can_stop_there() -> None:
    seen: list[tuple[int, float]] = []

    def stop(epoch: int, share: float) -> None:
        seen.append((epoch, share))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(build(Cnn1dConfig(3), 7), windows(1), None, OPTIONS, on_batch=stop)
    assert seen == [(1, 0.0), (1, 16 / 72), (1, 32 / 72)]


def test_a_loss_that_runs_away_is_reported_with_its_epoch() -> None:
    wild = FitOptions(epochs=50, batch_size=8, learning_rate=1e30, seed=0)
    with pytest.raises(DataError, match="diverged in epoch"):
        fit(build(Cnn1dConfig(3), 0), windows(1), None, wild)


def test_class_weights_make_rare_classes_count_as_much_as_common_ones() -> None:
    weights = class_weights(np.array([0] * 6 + [1] * 2), n_classes=3)
    np.testing.assert_allclose(weights.numpy(), [8 / 18, 8 / 6, 0])


def test_the_validation_loss_is_torchs_weighted_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    logits, y = torch.tensor(rng.standard_normal((20, 3)), dtype=torch.float32), rng.integers(0, 3, 20)
    weights = torch.tensor([0.5, 1.0, 3.0])
    expected = nn.CrossEntropyLoss(weight=weights)(logits, torch.from_numpy(y))
    found = weighted_loss(torch.softmax(logits, 1).numpy(), y, weights.numpy())
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_windows_come_normalised_and_a_constant_one_as_zeros() -> None:
    x, y = windows(1).batch([3, 30])
    assert x.shape == (2, 1, WINDOW)
    assert y.tolist() == [0, 1]
    np.testing.assert_allclose(x.mean(dim=2), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(dim=2, correction=0), 1, rtol=1e-5)
    assert not znorm(np.full((1, WINDOW), 0.1, dtype=np.float32)).any()


def test_a_gain_of_the_sensor_changes_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((2, WINDOW)).astype(np.float32)
    np.testing.assert_allclose(znorm(1e-9 * x), znorm(x), rtol=1e-3, atol=1e-5)


def test_windows_serve_torchs_own_loader_too() -> None:
    loader = torch.utils.data.DataLoader(windows(1), batch_size=10)
    x, y = next(iter(loader))
    assert x.shape == (10, 1, WINDOW)
    assert y.shape == (10,)


def test_only_recordings_of_the_windows_asked_for_are_read() -> None:
    class Watched(dict[int, Any]):
        def __getitem__(self, record: int) -> Any:
            touched.append(record)
            return super().__getitem__(record)

    touched: list[int] = []
    whole = windows(1)
    WindowDataset(Watched(whole.signals), whole.index, WINDOW).batch([25, 26])
    assert set(touched) == {1}


def test_each_relu_is_used_once_and_not_in_place() -> None:
    network = Cnn1d(Cnn1dConfig(4))
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    calls: list[nn.Module] = []
    for module in relus:
        module.register_forward_hook(lambda module, _input, _output: calls.append(module))
    network(torch.zeros(2, 1, 2048))
    assert len(relus) == 3
    assert len(calls) == len(set(calls)) == 3
    assert not any(module.inplace for module in relus)


def test_the_shortest_window_that_may_be_asked_for_can_be_trained_alone_in_a_batch() -> None:
    network = Cnn1d(Cnn1dConfig(2)).train()
    assert network(torch.randn(1, 1, 64)).shape == (1, 2)


def test_building_a_network_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(Cnn1dConfig(2), seed=1)
    assert torch.equal(torch.rand(3), expected)

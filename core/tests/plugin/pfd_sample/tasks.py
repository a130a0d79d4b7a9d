"""What the sample tasks do."""

import contextlib
import ctypes
import logging
import logging.config
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pfd import CancelRequested, Dispatcher, PfdError, StaleClaim, TaskContext
from pfd_sample.plugin import (
    AddParams,
    Anything,
    CampaignParams,
    DeviceParams,
    DieParams,
    FailParams,
    FitParams,
    GatherParams,
    NoParams,
    NoteParams,
    Number,
    ParentParams,
    PathParams,
    Shown,
    ShowParams,
    SizeParams,
    SleepParams,
    Text,
)


class UnprintableError(Exception):
    """An exception that fails when it is shown."""

    def __str__(self) -> str:
        raise RuntimeError("this exception cannot be shown")


def _witness(path: str, line: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def add(params: AddParams, ctx: TaskContext) -> Number:
    return Number(value=params.a + params.b)


def add_apart(params: AddParams, ctx: TaskContext) -> Number:
    print("adding", params.a, params.b)
    ctx.log.info("the sum is near")
    ctx.progress(0.5, "half", part="one")
    return Number(value=params.a + params.b)


def nap(params: SleepParams, ctx: TaskContext) -> Text:
    _witness(params.witness, f"{os.getpid()} begins claim {ctx.claim} attempt {ctx.attempt}")
    if params.artifact:
        ctx.artifact(params.artifact).touch()
    for step in range(params.steps):
        ctx.progress(step / params.steps, f"step {step + 1}/{params.steps}", step=step)
        time.sleep(params.seconds / params.steps)
    _witness(params.witness, f"{os.getpid()} ends")
    return Text(text=f"slept in attempt {ctx.attempt}")


def nap_inline(params: SleepParams, ctx: TaskContext) -> Text:
    _witness(params.witness, f"{ctx.job_id} begins")
    for step in range(params.steps):
        ctx.check_cancelled()
        ctx.progress(step / params.steps)
        time.sleep(params.seconds / params.steps)
    return Text(text="slept")


def sleep_in_c(params: SleepParams, ctx: TaskContext) -> Text:
    """Sleeps where no signal handler of Python can run, with the GIL held."""
    _witness(params.witness, str(os.getpid()))
    ctx.progress(0.1, "in C")
    time.sleep(0.3)
    libc = ctypes.PyDLL(None)
    until = time.monotonic() + params.seconds
    while time.monotonic() < until:
        libc.sleep(int(params.seconds) + 1)
    return Text(text="woke up")


def fail(params: FailParams, ctx: TaskContext) -> Text:
    _witness(params.witness, f"attempt {ctx.attempt}")
    if ctx.attempt > params.times:
        return Text(text=f"succeeded at attempt {ctx.attempt}")
    if params.kind == "connection":
        raise ConnectionError("the other side hung up")
    if params.kind == "exit":
        sys.exit(3)
    if params.kind == "interrupt":
        raise KeyboardInterrupt
    if params.kind == "module":
        import no_such_module_anywhere  # type: ignore[import-not-found]  # noqa: F401  (it does not exist)
    if params.kind == "unprintable":
        raise UnprintableError
    if params.kind == "odd":  # of a class without a module, so that no traceback can be shown
        exec("raise type('E' * 100_000, (PfdError,), {})('odd', hint=['h' * 100_000])", {"PfdError": PfdError})
    if params.kind == "long":
        raise ValueError("long " * 100_000)
    raise ValueError(f"this {params.kind} is wrong: 7")


def fail_inline(params: FailParams, ctx: TaskContext) -> Text:
    return fail(params, ctx)


def die(params: DieParams, ctx: TaskContext) -> Text:
    if len(list(Path(ctx.settings.home, "logs", ctx.job_id).glob("*.log"))) >= params.times:
        return Text(text="lived")
    print("dying", flush=True)
    if params.how == "exit":
        os._exit(7)
    os.kill(os.getpid(), signal.Signals[params.how])
    time.sleep(60)
    return Text(text="survived")


def odd_result(params: NoParams, ctx: TaskContext) -> Anything:
    odd = {"nan": float("nan"), "inf": [float("inf")], "nul": "a\x00b", "lone": "\ud800", "good": "\U0001f600"}
    return Anything(value=odd)


def wrong_result(params: NoParams, ctx: TaskContext) -> dict[str, str]:
    return {"value": "not a number"}


def large_result(params: SizeParams, ctx: TaskContext) -> Text:
    return Text(text="x" * params.size)


def not_json(params: NoParams, ctx: TaskContext) -> Anything:
    return Anything(value={"scores": [1, object()]})


def read_path(params: PathParams, ctx: TaskContext) -> Text:
    return Text(text=params.path.read_text(encoding="utf-8"))


def write_many(params: SizeParams, ctx: TaskContext) -> Text:
    for number in range(params.size):
        ctx.artifact(f"{number}.txt").touch()
    return Text(text="written")


def write_artifact(params: NoParams, ctx: TaskContext) -> Text:
    ctx.artifact("plots/a.txt").write_text("drawn", encoding="utf-8")
    return Text(text="plots/a.txt")


def write_json(params: NoParams, ctx: TaskContext) -> Text:
    return Text(text=ctx.home_relative(ctx.write_json("scores/all.json", {"accuracy": 0.5})))


def family(params: SleepParams, ctx: TaskContext) -> Text:
    """Leaves a grandchild behind that has a session of its own.  A second run only says that it is one."""
    if ctx.checkpoint("begun"):
        return Text(text="again")
    ctx.artifact("begun").touch()
    code = "import os, time; os.setsid(); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code])
    time.sleep(0.3)
    _witness(params.witness, f"{os.getpid()} {process.pid}")
    time.sleep(params.seconds)
    return Text(text=str(process.pid))


def tidy(params: SleepParams, ctx: TaskContext) -> Text:
    """Tidies up when asked to stop."""
    _witness(params.witness, "begins")
    try:
        time.sleep(params.seconds)
    except CancelRequested as request:
        _witness(params.witness, f"stops for {request.reason}")
        raise
    return Text(text="slept")


def swallow(params: SleepParams, ctx: TaskContext) -> Text:
    """Ignores every request to stop."""
    _witness(params.witness, str(os.getpid()))
    until = time.monotonic() + params.seconds
    while time.monotonic() < until:
        with contextlib.suppress(BaseException):
            time.sleep(0.05)
    return Text(text="went on")


def turn_into_error(params: SleepParams, ctx: TaskContext) -> Text:
    """Makes an ordinary error of a request to stop, as a library may."""
    _witness(params.witness, "begins")
    try:
        time.sleep(params.seconds)
    except BaseException as error:
        raise ConnectionError("the wait was disturbed") from error
    return Text(text="slept")


def log_elsewhere(params: NoParams, ctx: TaskContext) -> Text:
    """Adds a handler, as those do that report errors to a service, and logs in several ways."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    ctx.log.info("one")
    ctx.log.getChild("part").info("two")
    logging.getLogger(ctx.log.name).info("three")
    pickle.loads(pickle.dumps(ctx.log)).info("four")
    return Text(text=f"heard: {', '.join(heard)}")


def silence(params: SizeParams, ctx: TaskContext) -> Text:
    """Does to logging what tasks and their libraries do, in the way of that number, and logs on."""
    tree = {"version": 1, "handlers": {"none": {"class": "logging.NullHandler"}}, "root": {"handlers": ["none"]}}
    ways: list[Callable[[], object]] = [
        lambda: logging.config.dictConfig(tree),  # loggers that there are already are disabled
        lambda: logging.config.dictConfig({"version": 1, "root": {"level": "CRITICAL"}}),
        lambda: logging.disable(logging.CRITICAL),
        lambda: logging.basicConfig(handlers=[logging.NullHandler()], level="CRITICAL", force=True),
        logging.getLogger("pfd").handlers.clear,
        lambda: setattr(logging.getLogger("pfd"), "propagate", False),
        lambda: logging.getLogger("pfd.task").setLevel("CRITICAL"),
        logging.getLogger().handlers.clear,
        logging.shutdown,
        lambda: os.close(2),
    ]
    ways[params.size]()
    ctx.log.info("after %d", params.size)
    return Text(text=str(len(ways)))


def silence_inline(params: SizeParams, ctx: TaskContext) -> Text:
    try:
        return silence(params, ctx)
    finally:
        logging.disable(logging.NOTSET)


def fill_disk(params: NoParams, ctx: TaskContext) -> Text:
    """Writes until there is no byte left on the disk of its artifacts."""
    with ctx.artifact("large").open("wb", buffering=0) as file:
        for size in (2**20, 1):
            while True:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    full = error
                    break
    raise full


def print_much(params: SizeParams, ctx: TaskContext) -> Text:
    print("first line")
    for _ in range(params.size):
        sys.stdout.write("x" * 1023 + "\n")
    print("last line")
    return Text(text="printed")


def report_oddly(params: NoParams, ctx: TaskContext) -> Text:
    """Reports what JSON cannot say."""
    ctx.progress(0.25, "odd", progress=7, thing=object(), loss=float("nan"), nul="a\x00b")
    time.sleep(0.3)
    ctx.progress(0.5, "odd again", thing=object())
    return Text(text="reported")


def report_percent(params: NoParams, ctx: TaskContext) -> Text:
    """Reports what is not a fraction."""
    for odd in (-1, float("nan"), "half", None, 10**400, 50):
        ctx.progress(odd, f"{odd!r}"[:20])  # type: ignore[arg-type]
    return Text(text="reported")


def report_percent_inline(params: NoParams, ctx: TaskContext) -> Text:
    return report_percent(params, ctx)


def report_large(params: SizeParams, ctx: TaskContext) -> Text:
    """Reports a status of so many characters; then as much beside it."""
    ctx.progress(0.5, "x" * params.size)
    time.sleep(0.3)
    ctx.progress(0.6, "beside", small=1, large="x" * params.size)
    return Text(text="reported")


def report_large_inline(params: SizeParams, ctx: TaskContext) -> Text:
    return report_large(params, ctx)


def eat_memory(params: SizeParams, ctx: TaskContext) -> Text:
    hoard = [bytearray(os.urandom(2**20)) for _ in range(params.size)]
    time.sleep(30)
    return Text(text=str(len(hoard)))


def limited(params: SleepParams, ctx: TaskContext) -> Text:
    time.sleep(params.seconds)
    return Text(text="in time")


def limited_softly(params: SleepParams, ctx: TaskContext) -> Text:
    return tidy(params, ctx)


def warm(params: NoParams, ctx: TaskContext) -> Text:
    return Text(text="json" if "json" in sys.modules else "cold")


def note(params: NoteParams, ctx: TaskContext) -> Number:
    """Writes one row, or mends the one that an earlier run of the job has left."""
    from sqlalchemy import select

    from pfd_sample.records import Note

    _witness(params.witness, f"begins {ctx.claim}")
    while params.go and not Path(params.go).exists():
        time.sleep(0.02)
    try:
        with ctx.session() as session:
            row = session.scalar(select(Note).where(Note.job_id == ctx.job_id)) or Note(job_id=ctx.job_id)
            row.text = f"{params.text} in claim {ctx.claim}"
            session.add(row)
            session.flush()
            number = row.id
    except StaleClaim:
        _witness(params.witness, f"refused {ctx.claim}")
        raise
    if params.seconds:
        ctx.artifact("note.txt").touch()
        _witness(params.witness, "stored")
        time.sleep(params.seconds)
    return Number(value=number)


def note_inline(params: NoteParams, ctx: TaskContext) -> Number:
    return note(params, ctx)


def fit(params: FitParams, ctx: TaskContext) -> Number:
    """Fills the row that was written when the job was submitted."""
    from pfd.records import upsert_for_job
    from pfd_sample.records import Fit

    ctx.progress(0.1, "fitting")
    while params.go and not Path(params.go).exists():
        time.sleep(0.02)
    if params.fail:
        raise ValueError("no minimum\x1b[31m is\nfound")
    with ctx.session() as session:
        return Number(value=upsert_for_job(session, Fit, ctx.job_id, {"value": 7}).id)


def parent(params: ParentParams, ctx: TaskContext) -> Anything:
    """Submits its children twice, as a run after a lost one does."""
    ids = [
        ctx.submit_child("add", {"a": number}, key=f"child {number}", tags=("child",))
        for _ in range(2)
        for number in range(params.children)
    ]
    if params.fail:
        raise ValueError("after the children were submitted")
    return Anything(value=ids)


def resume(params: DieParams, ctx: TaskContext) -> Text:
    """Leaves a checkpoint and dies; the next run goes on from it."""
    if found := ctx.checkpoint("state.txt"):
        return Text(text=f"from {found.read_text(encoding='utf-8')}")
    ctx.artifact("state.txt").write_text(f"claim {ctx.claim}", encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)
    return Text(text="survived")


def gather(params: GatherParams, ctx: TaskContext) -> Anything:
    """Submits children, or gatherers of children, and waits for all of them."""
    _witness(params.witness, f"{os.getpid()} gathers at {params.depth}")
    inner = {"children": params.children, "depth": params.depth - 1, "seconds": params.seconds}
    nap = {"seconds": params.seconds, "steps": 2, "witness": params.witness}
    task, given = ("gather", inner) if params.depth else ("nap", nap)
    ids = [ctx.submit_child(task, given, key=f"child {number}") for number in range(params.children)]
    if params.die_once and ctx.checkpoint("begun") is None:
        ctx.artifact("begun").touch()
        next(ctx.wait_children(ids))
        os.kill(os.getpid(), signal.SIGKILL)
    if params.fail:
        raise ValueError("after the children were submitted")
    return Anything(value=[job.state for job in ctx.wait_children(ids)])


def gather_in_a_slot(params: GatherParams, ctx: TaskContext) -> Anything:
    return gather(params, ctx)


def wait_in_a_slot(params: NoParams, ctx: TaskContext) -> Text:
    """Waits for a job in the words of a client."""
    with Dispatcher(ctx.settings) as dispatcher:
        return Text(text=dispatcher.submit("add", {"a": 1}).wait().state)


def hold_session(params: SleepParams, ctx: TaskContext) -> Text:
    """Holds a session for longer than it may."""
    import pfd.context

    pfd.context.SESSION_SECONDS = 0.5
    with ctx.session():
        _witness(params.witness, "holds")
        time.sleep(params.seconds)
    return Text(text="kept it")


def see_devices(params: DeviceParams, ctx: TaskContext) -> Anything:
    """Which devices this process may see."""
    return Anything(value={name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")})


def see_devices_above(params: NoParams, ctx: TaskContext) -> Anything:
    return see_devices(DeviceParams(), ctx)


def where_am_i(params: NoParams, ctx: TaskContext) -> Anything:
    """What a process of a job has of its worker."""
    supervisor = os.getppid()
    server = int(Path(f"/proc/{supervisor}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
    known = {
        "folder": str(Path.cwd()),
        "sample": os.environ.get("PFD_SAMPLE"),
        "threads": os.environ["OMP_NUM_THREADS"],
    }
    return Anything(value={"server": server, **known})


def make_span(params: NoParams, ctx: TaskContext) -> Anything:
    """Makes a span of its own, and a child; says in which trace it is."""
    from opentelemetry import trace

    with trace.get_tracer("sample").start_as_current_span("inside"):
        ctx.submit_child("add", {"a": 1}, key="only")
    return Anything(value={name: os.environ.get(name) for name in ("TRACEPARENT", "OTEL_SERVICE_NAME")})


def make_span_inline(params: NoParams, ctx: TaskContext) -> Anything:
    return make_span(params, ctx)


HOSTILE = "a\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202eb\u2028\u200bc\x7f[red]x[/red][link=http://e.x]y[/link]:smile:"
"""What would rename a terminal, clear it, colour it, turn the order of reading around, and be markup to rich."""


def hostile(params: NoParams, ctx: TaskContext) -> Anything:
    print(HOSTILE, flush=True)
    # An escape and a character of two bytes, each written in halves.
    for half in (b"\x1b", b"[2J half ", b"\xc3", b"\xa4\n"):
        sys.stdout.buffer.write(half)
        sys.stdout.flush()
        time.sleep(0.05)
    ctx.log.warning("logged %s", HOSTILE)
    ctx.artifact("plots/good.png").write_bytes(b"good")
    folder = ctx.artifact("plots/good.png").parent
    (folder / "bad\x1b[2J.png").write_bytes(b"bad")
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")).write_bytes(b"bad")
    ctx.progress(0.5, HOSTILE, **{HOSTILE: HOSTILE})
    return Anything(value={HOSTILE: HOSTILE, "rows": [{HOSTILE: HOSTILE}], "lone": "\ud800"})


def misname_hostile(params: NoParams, ctx: TaskContext) -> Text:
    ctx.artifact("plots/bad\x1b[2J.png")
    raise AssertionError


def raise_hostile(params: NoParams, ctx: TaskContext) -> Text:
    raise ValueError(f"{HOSTILE}\n{HOSTILE}")


def show(params: ShowParams, ctx: TaskContext) -> Shown:
    """Record losses, keep a figure and a table, and then end in one way or another."""
    from pfd.views import Axis, Column, Curve, Figure, Panel, Table

    line = Curve(x=range(10), y=range(10), name="line")
    panel = Panel(x=Axis(label="order"), y=Axis(label="level", unit="m/s²"), marks=(line,))
    ctx.figure("wave", Figure(title="A wave", alt="A straight line going up.", panels=(panel,)))
    ctx.table("scores", Table(columns=(Column(name="class"), Column(name="f1")), rows=(("a", 0.5),)))
    ctx.artifact("notes.txt").write_text("a note")
    first = 0 if (earlier := ctx.checkpoint("step")) is None else int(earlier.read_text())
    for step in range(first, params.steps):
        ctx.record("training", step, train_loss=1 / (step + 1), val_loss=2 / (step + 1), accuracy=step / params.steps)
        ctx.progress(step / params.steps, f"step {step}", loss=1 / (step + 1))
        if step == params.die_after and earlier is None:
            ctx.artifact("step").write_text(str(step - 1))
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    if params.then == "fail":
        raise ValueError("it did not converge")
    while params.then == "wait":
        ctx.check_cancelled()
        time.sleep(0.02)
    rows = [{"name": "inner", "recall": 0.5, "cautions": ["few windows of inner"]}]
    return Shown(accuracy=0.75, classes=rows, cautions=["one bearing a class"])


def campaign(params: CampaignParams, ctx: TaskContext) -> Anything:
    """Watch the series of two children that run, and stop them; or try to cancel another's job."""
    if params.cancel:
        ctx.cancel_child(params.cancel)
    first = ctx.submit_child("show", {"then": "wait"}, key="first")
    second = ctx.submit_child("show", {"then": "wait", "steps": 3}, key="second")
    while len(ctx.child_series(first, "training")) < 5 or len(ctx.child_series(second, "training")) < 3:
        ctx.check_cancelled()
        time.sleep(0.02)
    seen = {job.id: (job.state.value, job.task) for job in ctx.children()}
    for child in (first, second):
        ctx.cancel_child(child)
    ended = {job.id: job.state.value for job in ctx.wait_children([first, second])}
    last = ctx.child_series(second, "training")[-1]
    return Anything(
        value={"seen": [*seen.values()], "ended": [*ended.values()], "last": [last.step, last.values["val_loss"]]}
    )


def say_threads(params: NoParams, ctx: TaskContext) -> Anything:
    return Anything(value=ctx.threads)

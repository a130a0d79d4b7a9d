import time, pytest
from pathlib import Path
from pfd import Dispatcher
from pfd.pipeline import Pipeline, Step
def test_perf(settings, registry):
    for n in (20, 500, 1000):
      with Dispatcher(settings, registry=registry) as d:
        d.store
        steps={"s0": Step("s0","add",{"a":1})} | {f"s{i}": Step(f"s{i}","add",{"a":f"${{s{(i-1)//2}.value}}"}) for i in range(1,n)}
        p=Pipeline(f"x{n}",steps)
        t=time.perf_counter(); p.check(registry, settings); t1=time.perf_counter(); 
        from pfd import submission
        import pfd.pipeline.pipeline as pp
        run=p.submit(d); t2=time.perf_counter()
        d.cancel(run["s0"].id); t3=time.perf_counter()
        r=p.resume(d); t4=time.perf_counter()
        assert not r.kept and len(r)==n
        r2=p.resume(d); t5=time.perf_counter(); assert len(r2.kept)==n
        from pfd.store import tagged
        print(f"{settings.database_url[:8]} n={n} check {t1-t:.2f} check+submit {t2-t1:.2f} cancel {t3-t2:.2f} resume {t4-t3:.2f} resume-kept {t5-t4:.2f}")

import time, cProfile
from tests.pipeline.line import *
def test_probe(line):
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", None)}))
    line.run("cities")
    for d in range(2,6):
        line.deliver("cities", cities(d, {"a": ("A", 1), "b": ("B", None)}))
        t=time.time(); c=time.process_time(); r=line.run("cities"); print(time.time()-t, time.process_time()-c)
    line.deliver("cities", cities(9, {"a": ("A", 1), "b": ("B", None)}))
    cProfile.runctx('line.run("cities")', globals(), locals(), '/tmp/w/prof')

from dataclasses import replace

from benchmarks.adapting import iterations, last_steps, projected_seconds
from benchmarks.timing import Spent

from d3talker.config.presets import CPU


def test_the_last_steps_count_and_every_fourth_one_with_them() -> None:
    steps = [1.0] * 100 + [10.0, 10.0, 10.0, 30.0] * 10
    assert last_steps(Spent(cpu=steps, wall=[2 * step for step in steps])) == (30.0, 15.0)
    assert last_steps(Spent(cpu=[3.0], wall=[4.0])) == (4.0, 3.0)


def test_a_training_is_its_steps_and_what_is_besides() -> None:
    few = replace(CPU, face=replace(CPU.face, iterations=1000), mouth=replace(CPU.mouth, iterations=500))
    assert iterations(few)["train face"] == 1000
    assert projected_seconds({"train face": 100.0, "train mouth": 50.0}, few, 20.0) == 145.0

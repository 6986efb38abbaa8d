"""anthill bench: one round of a few figures on a platform of its own."""
import json
import os
import subprocess


def test_bench_prints_figures_beside_their_floors(tmp_path):
    out = tmp_path / "bench.json"
    run = subprocess.run(
        [os.environ.get("ANTHILL_BIN", "bin/anthill"), "bench", "--rounds", "1", "--dir", str(tmp_path), "--json", str(out), "append-1", "hop", "fan-5"],
        capture_output=True, text=True, timeout=120, check=True)
    figures = {f["key"]: f for f in json.loads(out.read_text())["figures"]}
    assert set(figures) == {"append-1", "hop-standard", "hop-express", "fan-5"}
    for key, f in figures.items():
        assert not f.get("failed"), f
        assert f["value"] > 0 and f["floor_value"] > 0 and f["rounds"][0]["n"] > 0, f
        assert key in run.stdout
    assert not any(p.name == "floor" for p in tmp_path.iterdir()), "the floor's file stays behind"


def test_bench_says_which_figures_there_are(tmp_path):
    run = subprocess.run([os.environ.get("ANTHILL_BIN", "bin/anthill"), "bench", "no-such-figure"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "no figure is named no-such-figure; there are: append-1" in run.stderr

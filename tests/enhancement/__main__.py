"""`python -m tests.enhancement --weights FILE`: methods over the lesions of a hospital that no network was trained on.

Prints the table of docs/enhancement.md and writes each method's report to --out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from tasks.core.settings.enhancement import EnhancementSettings
from tasks.simulate.hospital import simulate
from tasks.transform.enhance.changes import judge
from tasks.transform.enhance.figure import Gallery
from tasks.transform.enhance.methods import choose_method
from tasks.transform.enhance.report import write_report
from tasks.transform.enhance.weights import read_weights
from tests.enhancement.lesions import lesion_cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="of `sluice enhance train`, for a row of the network")
    parser.add_argument("--out", type=Path, default=Path(".bench/enhancement"))
    parser.add_argument("--seed", type=int, default=1, help="of the hospital; the demo's is 0")
    parser.add_argument("--patients", type=int, default=24)
    parser.add_argument("--only", help="one method, e.g. srcnn")
    given = parser.parse_args()
    methods = [choose_method("clahe"), choose_method("nlm"), choose_method("median", {"size": 5})]
    if given.weights:
        methods.append(choose_method("srcnn", weights=read_weights(given.weights)))
    methods = [method for method in methods if given.only in (None, method.name)]
    settings = EnhancementSettings()
    with tempfile.TemporaryDirectory() as folder:
        hospital = Path(folder) / "hospital"
        simulate(hospital, seed=given.seed, patients=given.patients)
        cases = list(lesion_cases(hospital, given.seed, given.patients))
    print(f"{len(cases)} series of {len({case.patient for case in cases})} patients with a lesion")
    print("| method | modality | series | contrast kept, least | CNR kept, least | flagged | PSNR | SSIM | verdict |")
    print("|---|---|---|---|---|---|---|---|---|")
    for method in methods:
        gallery = Gallery()
        judged = judge(cases, method, settings, gallery)
        write_report(given.out / method.name, judged, gallery.panels, settings)
        for modality, measures in judged.intensity.items():
            own = [one for one in judged.regions if one.modality == modality]
            kept, cnr = ([getattr(one, name) for one in own] for name in ("kept", "cnr_kept"))
            print(
                f"| {method.name} | {modality} | {len(own)} | {np.median(kept):.0%}, {min(kept):.0%} "
                f"| {np.median(cnr):.0%}, {min(cnr):.0%} | {sum(one in judged.flagged for one in own)} "
                f"| {measures['psnr'].mean:.1f} | {measures['ssim'].mean:.3f} | {judged.verdict.value} |"
            )


if __name__ == "__main__":
    main()

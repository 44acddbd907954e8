"""A whole search without a hub and without a download: handwritten digits, pretrained EfficientNet-Lite weights.

Writes the 1,797 digits that scikit-learn carries (E. Alpaydin and C. Kaynak, 1998) as one folder of images per class,
searches on them for less than three minutes, and prints the leaderboard, the test score and where things lie.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

FOLDER = Path("runs/demo-data/digits")
RUN = Path("runs/digits")
BUDGET = "170s"


def write_digits(folder: Path) -> None:
    """One folder per digit, one 8 x 8 gray PNG per image."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / str(label) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).round().astype("uint8")).save(path)


def main() -> int:
    """Write the data and run the command that a user would type."""
    write_digits(FOLDER)
    command = ["search", str(FOLDER), "--budget", BUDGET, "--run", str(RUN)]
    print("$ autosft", " ".join(command), flush=True)
    return subprocess.run([sys.executable, "-m", "autosft", *command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

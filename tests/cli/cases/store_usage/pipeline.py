"""A pipeline, and beside it a store that holds nothing."""
import pathlib

(pathlib.Path(__file__).parent / "empty").mkdir()
print("lehr: 1\nstages:\n  dig: {uses: kiln.dig}")

numbers = ", ".join(str(n) for n in range(256))
axes = ", ".join(f"{axis}: *l" for axis in "bcdefgh")
print(f"lehr: 1\nstages:\n  dig:\n    uses: kiln.dig\n    matrix: {{a: &l [{numbers}], {axes}}}")

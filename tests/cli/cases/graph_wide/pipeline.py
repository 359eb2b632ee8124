# More rails than a terminal can show.
print("lehr: 1\nname: wide\nstages:")
for i in range(101):
    print(f"  dig{i}: {{uses: kiln.dig}}")
for i in range(101):
    print(f"  clean{i}: {{uses: kiln.grind, in: {{documents: dig{i}}}}}")

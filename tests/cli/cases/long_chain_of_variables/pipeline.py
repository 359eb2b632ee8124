print("lehr: 1\nvars:\n  v0: round")
for n in range(1, 20000):
    print(f'  v{n}: "${{vars.v{n - 1}}}"')
print('stages:\n  dig: {uses: kiln.dig, with: {shape: "${vars.v19999}"}}')

"""The words: every type that a plugin author meets, and nothing else.

`space`, `task`, `rows`, `state`, `recipe` and `record` are values; `modality`, `backbone`, `problem`,
`strategy` and `executor` are the parts that a plugin may offer. Only `tensors` imports torch, so that a part
can be offered and listed without it.
"""

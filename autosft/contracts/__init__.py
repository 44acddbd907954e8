"""The contracts: every type that a plugin author meets, and the few functions over them that all layers share.

`space`, `task`, `rows`, `state`, `recipe` and `record` are values; `modality`, `backbone`, `problem`,
`strategy` and `executor` are the parts that a plugin may offer. Only `tensors` and `steps` import torch, so that a part
can be offered and listed without it.
"""

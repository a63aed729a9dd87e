"""Who pays what, computed a second time: slow, plain, from the rules as they are written.

Written from docs/rules, docs/reference/benefit-tables.md and the data of the tariffs alone. Refuses to share
anything with the engine it checks: no module of it imports `rempart`.
"""  # noqa: E501

"""All that is fuzzed."""

from tests.fuzzing import evidence, identifiers, logs, people_files, sealed

TARGETS = {
    target.name: target
    for module in (identifiers, people_files, logs, sealed, evidence)
    for target in module.TARGETS
}

"""May a use case touch what its action types touch?"""

from collections.abc import Iterator

from domain.catalog.bundle import Bundle
from domain.catalog.problems import Problem
from domain.catalog.use_cases import DataScope


def data_problems(bundle: Bundle) -> Iterator[Problem]:
    """Yield each action type of a use case that needs more of a data source than the use case has."""
    action_types = {action_type.id: action_type for action_type in bundle.action_types}
    for number, use_case in enumerate(bundle.use_cases):
        granted = {source.id: source.scope for source in use_case.data_sources}
        for index, name in enumerate(use_case.action_types):
            needed = action_types[name].data if name in action_types else {}
            for source, scope in needed.items():
                place = ("use_cases", number, "action_types", index)
                if source not in granted:
                    yield Problem(
                        place,
                        f"'{name}' needs to {scope.value} '{source}', which is no data source of this use case; add it "
                        "to data_sources, or take the action type out",
                    )
                elif scope is DataScope.WRITE and granted[source] is DataScope.READ:
                    yield Problem(
                        place,
                        f"'{name}' needs to write '{source}', which this use case may only read; write scope: write "
                        "there, or take the action type out",
                    )

"""The process in which Presidio runs: one JSON object a line in, one out, in the same order.

    {"language": "en", "model": "en_core_web_sm", "kinds": ["person"], "least": 60, "texts": ["...", "..."]}
    {"kinds": [["person"], []]}        what was found in each text, in the order of the texts
    {"refused": "why, and what to do"}

It is a program of its own, run by its path, and imports nothing of Remit: what a language model of megabytes does, it
does here, where it can be ended. It ends when its input does. It cannot open connections or start programs.
"""

import json
import sys
from typing import Any

_FORBIDDEN = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "subprocess.",
    "os.exec",
    "os.posix_spawn",
    "os.system",
)
_NAMES = {"person", "location", "nrp", "organization", "date_time"}
"""Kinds that only a model with entity recognition can tell; patterns alone never find them."""


class Refused(Exception):
    """The request cannot be answered. The message quotes none of its texts."""


def _forbid(event: str, _: object) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not allowed in this process")


class Analyzers:
    """Presidio's analyzers, one for each language and model that was asked for."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Any, bool]] = {}

    def kinds_in(self, request: dict[str, Any]) -> list[list[str]]:
        """Return what is found in each text. Raises Refused where the model cannot find what is asked for."""
        language = request["language"]
        analyzer, recognizes_names = self._of(language, request["model"])
        wanted = {kind.upper() for kind in request["kinds"]}
        unknown = wanted - set(analyzer.get_supported_entities(language))
        if unknown or (not recognizes_names and wanted & {name.upper() for name in _NAMES}):
            missing = sorted(unknown or wanted & {name.upper() for name in _NAMES})
            raise Refused(
                f"the model '{request['model']}' cannot find {', '.join(missing).lower()}; take another model"
            )
        return [self._kinds(analyzer, text, language, wanted, request["least"] / 100) for text in request["texts"]]

    def _kinds(self, analyzer: Any, text: str, language: str, wanted: set[str], least: float) -> list[str]:
        results = analyzer.analyze(text=text, language=language, entities=sorted(wanted), score_threshold=least)
        return sorted({result.entity_type.lower() for result in results})

    def _of(self, language: str, model: str) -> tuple[Any, bool]:
        made = self._made.get((language, model))
        if made is None:
            made = self._made[language, model] = _analyzer(language, model)
        return made


def _analyzer(language: str, model: str) -> tuple[Any, bool]:
    """Return an analyzer, and whether its model recognizes names. Loads, never downloads."""
    import spacy
    import tldextract.tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # Presidio would fetch the public suffix list when it sees its first e-mail address; the package holds a copy.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    try:
        pipeline = spacy.blank(language) if model == "blank" else spacy.load(model)
    except (OSError, ImportError, ValueError) as failure:
        raise Refused(f"the spaCy model '{model}' cannot be loaded; install it beside Presidio") from failure
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model}])
    engine.nlp = {language: pipeline}
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
    return analyzer, "ner" in pipeline.pipe_names


def main() -> None:
    """Answer requests until there are no more."""
    sys.addaudithook(_forbid)
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not be taken for an answer
    analyzers = Analyzers()
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"kinds": analyzers.kinds_in(json.loads(line))}
        except Refused as refused:
            answer = {"refused": str(refused)}
        except Exception as failure:  # a bad text must not end the process, and its message may quote the text
            answer = {"refused": f"Presidio failed with {type(failure).__name__}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

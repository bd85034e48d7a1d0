"""Test rules of the whole package: imports, public names, docstrings, examples."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

import pytest

import skheart

FOLDER = Path(skheart.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
PUBLIC_MODULES = [
    "audio",
    "datasets",
    "deployment",
    "inspection",
    "metrics",
    "neural",
    "pretrained",
    "quality",
    "report",
    "segmentation",
    "spectrogram",
]

# The other rooms from which each room may import.
_BELOW_NEURAL = {"_core", "audio", "metrics", "spectrogram"}
ROOMS = {
    "_core": set(),
    "audio": {"_core"},
    "metrics": {"_core"},
    "datasets": {"_core", "audio"},
    "spectrogram": {"_core", "audio"},
    "segmentation": {"_core", "audio", "spectrogram"},
    "quality": {"_core", "audio", "metrics", "segmentation", "spectrogram"},
    "neural": {"_core", "metrics", "spectrogram"},
    "pretrained": {*_BELOW_NEURAL, "neural"},
    "deployment": {*_BELOW_NEURAL, "neural", "quality"},
    "inspection": {*_BELOW_NEURAL, "neural", "segmentation"},
    "report": {*_BELOW_NEURAL, "neural", "pretrained", "deployment", "inspection"}
    | {"segmentation", "quality"},
    "cli": {*_BELOW_NEURAL, "datasets", "neural", "pretrained", "deployment"}
    | {"inspection", "quality", "report", "segmentation"},
    "__main__": {"cli"},
    "__init__": set(),
}
KERAS = {"keras", "scikeras", "tensorflow"}
# These rooms may import Keras, except for the modules below.
KERAS_ROOMS = {"neural", "deployment"}
WITHOUT_KERAS = {
    *(
        "neural.inputs",
        "neural.packaged",
        "neural.stored",
        "neural.whitelist",
        "neural.windows",
    ),
    *("deployment.onnx_classifier", "deployment.onnx_file", "deployment.onnx_session"),
    *("deployment.sidecar", "deployment.sizes", "deployment.streaming"),
}
ONLY_INSIDE_FUNCTIONS = {
    *("av", "fsspec", "librosa", "matplotlib", "numba", "onnx", "onnxruntime"),
    *("pandas", "tf2onnx"),
}


def modules():
    """Yield the dotted name (without ``skheart.``) and the path of each module."""
    for path in sorted(FOLDER.rglob("*.py")):
        parts = path.relative_to(FOLDER).with_suffix("").parts
        yield ".".join(parts), path


MODULES = dict(modules())
EVERY_MODULE = pytest.mark.parametrize("name", MODULES)


@cache
def tree(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name, *, inside_functions):
    """Return the sorted dotted names that a module imports."""

    def walk(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"relative import in {name}"
                for alias in child.names:
                    yield f"{child.module}.{alias.name}"
            elif inside_functions or not isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef
            ):
                yield from walk(child)

    return sorted(set(walk(tree(name))))


def rooms_imported(name):
    """Yield the rooms of skheart from which a module imports, also in functions."""
    for dotted in imports(name, inside_functions=True):
        first, *rest = dotted.split(".")
        if first == "skheart" and rest[0] != "__version__":
            yield rest[0]


def room_of(name):
    return name.split(".")[0]


# Imports -----------------------------------------------------------------------------


@EVERY_MODULE
def test_rooms_import_only_what_the_table_allows(name):
    allowed = {*ROOMS[room_of(name)], room_of(name)}
    assert set(rooms_imported(name)) <= allowed


def test_the_table_names_every_room():
    assert set(ROOMS) == {room_of(name) for name in MODULES}


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"__main__"}))
def test_every_room_has_a_docstring(room):
    package = importlib.import_module(
        "skheart" if room == "__init__" else f"skheart.{room}"
    )
    assert re.match(r"[A-Z][^\n]*\.(\n|$)", package.__doc__)


@EVERY_MODULE
def test_keras_is_imported_only_where_it_may_be(name):
    found = {x.split(".")[0] for x in imports(name, inside_functions=True)} & KERAS
    allowed = room_of(name) in KERAS_ROOMS and name not in WITHOUT_KERAS
    assert allowed or not found


@EVERY_MODULE
def test_optional_and_slow_packages_are_imported_inside_functions(name):
    first_parts = {
        dotted.split(".")[0] for dotted in imports(name, inside_functions=False)
    }
    allowed = {"numba"} if name == "spectrogram.kernels" else set()
    assert not first_parts & ONLY_INSIDE_FUNCTIONS - allowed


# If pandas is installed, scikit-learn imports it.
HEAVY = KERAS | ONLY_INSIDE_FUNCTIONS - {"pandas"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import skheart", {*HEAVY, "pandas", "sklearn", "numpy"}),
        ("import skheart.cli.main", {*HEAVY, "pandas", "sklearn", "numpy"}),
        ("from skheart import metrics, datasets; metrics.auroc_score", HEAVY),
        ("from skheart.datasets import CORPORA, load_pascal, make_heart_sounds", HEAVY),
        (
            "from skheart import SpectrogramTransformer, inspection, read_recording",
            HEAVY,
        ),
        (
            "from skheart.segmentation import HeartSoundSegmenter, load_segmenter\n"
            "load_segmenter().predict([__import__('numpy').sin(range(9000))])",
            KERAS | {"librosa", "matplotlib"},
        ),
        (
            "from skheart.quality import QualityTransformer\n"
            "QualityTransformer().transform([__import__('numpy').sin(range(9000))])",
            KERAS | {"librosa", "matplotlib"},
        ),
    ],
    ids=[
        *("skheart", "cli", "metrics", "datasets", "spectrogram", "segmentation"),
        "quality",
    ],
)
def test_importing_is_cheap_and_quiet(statement, absent):
    code = f"import sys\n{statement}\nprint(*sorted({absent} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


# Public names ------------------------------------------------------------------------


def public_names(module):
    """Return the objects in ``__all__`` of a module, or of ``skheart``, by name."""
    loaded = importlib.import_module(f"skheart.{module}".rstrip("."))
    assert loaded.__all__
    return {name: getattr(loaded, name) for name in loaded.__all__}


@pytest.mark.parametrize("module", ["", *PUBLIC_MODULES])
def test_every_public_name_resolves(module):
    loaded = importlib.import_module(f"skheart.{module}".rstrip("."))
    for name, thing in public_names(module).items():
        assert thing is not None
        assert name in dir(loaded)


def test_the_public_modules_are_rooms_and_attributes_of_the_package():
    rooms = {name for name, x in public_names("").items() if inspect.ismodule(x)}
    assert (
        rooms
        == set(PUBLIC_MODULES)
        == {*ROOMS}
        - {"_core", "cli"}
        - {
            "__init__",
            "__main__",
        }
    )


def documented_names():
    """Return the full names in each section of ``docs/api.rst``."""
    text = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
    pieces = re.split(r"^(skheart\.\w+)\n-+$", text, flags=re.MULTILINE)
    names = re.compile(r"^(?:   |\.\. py:data:: )(skheart\.[\w.]+)$", re.MULTILINE)
    pairs = zip(pieces[1::2], pieces[2::2], strict=True)
    return {section: names.findall(body) for section, body in pairs}


def test_the_api_page_lists_every_public_name_once():
    top = {name for name, x in public_names("").items() if not inspect.ismodule(x)}
    expected = {
        f"skheart.{module}": sorted(
            f"skheart.{name}" if name in top else f"skheart.{module}.{name}"
            for name in public_names(module)
        )
        for module in PUBLIC_MODULES
    }
    documented = documented_names()
    assert {section: sorted(names) for section, names in documented.items()} == expected
    # Each name of ``skheart`` itself is also in one of the modules.
    everything = {name for names in documented.values() for name in names}
    assert {f"skheart.{name}" for name in top} <= everything


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = skheart.no_such_name


def test_version_equals_the_metadata():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    metadata = tomllib.loads(project)["project"]
    assert metadata["version"] == skheart.__version__
    assert metadata["name"] == "skheart"


# Docstrings --------------------------------------------------------------------------


def overrides_keras(owner, member):
    """Return whether a method overrides one that Keras calls and documents."""
    return any(
        member in vars(base) and base.__module__.split(".")[0] == "keras"
        for base in owner.__mro__[1:]
    )


def public_objects():
    """Return every public function, class and method, by name."""
    found = {}
    for module in PUBLIC_MODULES:
        for name, thing in public_names(module).items():
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            found[f"{module}.{name}"] = thing
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    function = inspect.unwrap(getattr(value, "__func__", value))
                    if member.startswith("_") or not inspect.isfunction(function):
                        continue
                    if not overrides_keras(thing, member):
                        found[f"{module}.{name}.{member}"] = function
    return found


@pytest.fixture(scope="module")
def public():
    return public_objects()


def sections(thing):
    """Split a numpydoc docstring into its sections, the first named ``""``."""
    text = inspect.getdoc(thing) or ""
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}$", text, flags=re.MULTILINE)
    return {"": pieces[0]} | dict(zip(pieces[1::2], pieces[2::2], strict=True))


def documented_parameters(section):
    """Return the names in a Parameters section, in order."""
    names = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            heads, _, kind = line.partition(" : ")
            assert kind or line.startswith("*"), f"no type in {line!r}"
            names += [head.strip().lstrip("*") for head in heads.split(",")]
    return names


def parameters_of(thing):
    """Return the names of the parameters; for a class, those of ``__init__``."""
    function = vars(thing).get("__init__") if inspect.isclass(thing) else thing
    if function is None:
        return []
    names = list(inspect.signature(function).parameters)
    return names[1:] if names and names[0] in ("self", "cls") else names


def is_result_type(thing):
    """Return whether the package, not the user, creates objects of a class."""
    if not inspect.isclass(thing):
        return False
    return issubclass(thing, tuple | Exception) or dataclasses.is_dataclass(thing)


def report(faults):
    assert not faults, "\n" + "\n".join(f"{name}: {why}" for name, why in faults)


def test_every_public_name_has_a_summary_of_one_sentence(public):
    faults = []
    for name, thing in public.items():
        summary = sections(thing)[""].split("\n\n")[0].strip()
        if not summary.endswith(".") or "\n" in summary:
            faults.append((name, f"the summary is {summary!r}"))
    report(faults)


def test_docstrings_name_the_parameters_of_the_signature(public):
    faults = []
    for name, thing in public.items():
        if is_result_type(thing):
            continue
        documented = documented_parameters(sections(thing).get("Parameters", ""))
        expected = parameters_of(thing)
        if documented != expected:
            faults.append((name, f"documents {documented}, takes {expected}"))
    report(faults)


def test_docstrings_state_the_default_of_each_parameter(public):
    faults = []
    for name, thing in public.items():
        section = sections(thing).get("Parameters", "")
        if is_result_type(thing) or not parameters_of(thing):
            continue
        kinds = {}
        for line in section.splitlines():
            if line and not line.startswith(" "):
                heads, _, kind = line.partition(" : ")
                kinds |= dict.fromkeys(heads.split(", "), kind)
        for parameter in inspect.signature(thing).parameters.values():
            kind = kinds.get(parameter.name)
            if kind is None or parameter.default is parameter.empty:
                continue
            if "default" not in kind and parameter.default is not None:
                faults.append((name, f"no default in {parameter.name} : {kind}"))
    report(faults)


def test_docstrings_state_what_is_returned(public):
    faults = []
    for name, thing in public.items():
        if inspect.isclass(thing):
            continue
        result = inspect.signature(thing).return_annotation
        if result not in (None, "None", inspect.Signature.empty):
            text = sections(thing)
            if "Returns" not in text and "Yields" not in text:
                faults.append((name, "no Returns section"))
    report(faults)


def test_functions_and_classes_have_an_example(public):
    faults = []
    for name, thing in public.items():
        is_method = name.count(".") == 2
        if is_method or is_result_type(thing):
            continue
        examples = sections(thing).get("Examples", "")
        if inspect.isclass(thing) and ">>>" not in examples:
            # If a method creates the objects, the example is in its docstring.
            methods = [
                public[other] for other in public if other.startswith(f"{name}.")
            ]
            examples = "".join(
                sections(method).get("Examples", "") for method in methods
            )
        if ">>>" not in examples:
            faults.append((name, "no example"))
    report(faults)


WITH_EXAMPLES = [
    name for name, path in MODULES.items() if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    dotted = "skheart." + name.removesuffix(".__init__")
    module = importlib.import_module(dotted.removesuffix(".__init__"))
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    output = []
    runner = doctest.DocTestRunner(optionflags=flags)
    for example in doctest.DocTestFinder().find(module):
        runner.run(example, out=output.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(output)

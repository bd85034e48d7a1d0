"""Rules that the whole package keeps: imports, docstrings, doctests, no prints."""

from __future__ import annotations

import ast
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
PUBLIC_MODULES = [
    "audio",
    "cache",
    "classifier",
    "datasets",
    "display",
    "export",
    "layers",
    "losses",
    "metrics",
    "networks",
    "onnx",
    "persistence",
    "spectrogram",
    "streaming",
]

# Each module imports from the floors below its own only. `metrics` and `datasets` are
# packages, whose modules may import one another.
FLOORS = [
    {"_kernels"},
    {"__init__", "_arguments", "_blas", "_checks", "_files", "_interrupts"},
    {"_progress", "_runtime"},
    {"_pickles", "_weights"},
    {"audio"},
    {"metrics", "datasets", "_recordings", "_stft", "_batches", "layers", "losses"},
    {"cache"},
    {"_spectrogram_job", "_spectrograms", "_rows"},
    {"_windows", "spectrogram", "networks", "_engine"},
    {"_onnx_model", "_network_state", "_checkpoint"},
    {"_training", "onnx"},
    {"_start"},
    {"classifier", "display"},
    {"pretrained", "_model_text"},
    {"persistence", "streaming"},
    {"_waveform_graph"},
    {"export"},
    {"_workflow", "_demo", "_quiet"},
    {"_report"},
    {"cli"},
]
KERAS = {"keras", "scikeras", "tensorflow"}
KERAS_MODULES = {
    *("_batches", "_engine", "_runtime", "_training", "classifier", "layers", "losses"),
    *("networks", "_network_state", "_workflow", "_report", "_demo", "_quiet"),
    *("_start", "pretrained._load", "persistence", "_model_text", "cli"),
    *("_waveform_graph", "export", "_checkpoint"),
}
ONLY_INSIDE_FUNCTIONS = {
    *("fsspec", "librosa", "matplotlib", "numba", "onnx", "onnxruntime"),
    *("pandas", "tf2onnx"),
}
MAY_PRINT = {"cli", "_demo"}


def modules():
    """Give the dotted name below ``skheart`` and the path of each module."""
    for path in sorted(FOLDER.rglob("*.py")):
        parts = path.relative_to(FOLDER).with_suffix("").parts
        yield ".".join(parts), path


MODULES = dict(modules())
EVERY_MODULE = pytest.mark.parametrize("name", MODULES)


@cache
def tree(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name, *, inside_functions):
    """Give each dotted name that a module imports."""

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


def own_imports(name):
    """Give the modules of skheart that a module imports, anywhere in it."""
    for dotted in imports(name, inside_functions=True):
        first, *rest = dotted.split(".")
        if first == "skheart":
            room = rest[0] if rest else "__init__"
            yield "__init__" if room.startswith("__") else room


def floor(room):
    for height, rooms in enumerate(FLOORS):
        if room in rooms:
            return height
    pytest.fail(f"skheart/{room} is on no floor; put it on one in {__file__}.")


# Imports -----------------------------------------------------------------------------


@EVERY_MODULE
def test_imports_point_down(name):
    room = name.split(".")[0]
    up = [
        other
        for other in own_imports(name)
        if other != room and floor(other) >= floor(room)
    ]
    assert not up, f"{name} imports {up}, which are not below it"


def test_every_floor_is_lived_on():
    rooms = {name.split(".")[0] for name in MODULES}
    assert set().union(*FLOORS) == rooms


@EVERY_MODULE
def test_keras_is_imported_in_its_modules_only(name):
    first_parts = {
        dotted.split(".")[0]
        for dotted in imports(name, inside_functions=name not in KERAS_MODULES)
    }
    assert name in KERAS_MODULES or not first_parts & KERAS


@EVERY_MODULE
def test_optional_and_slow_packages_are_imported_inside_functions(name):
    first_parts = {
        dotted.split(".")[0] for dotted in imports(name, inside_functions=False)
    }
    allowed = {"numba"} if name == "_kernels" else set()
    assert not first_parts & ONLY_INSIDE_FUNCTIONS - allowed


@pytest.mark.parametrize("name", ["metrics", "datasets"])
def test_metrics_and_datasets_stand_beside(name):
    allowed = {name, "audio", "_checks", "_files", "_progress"}
    for module in MODULES:
        if module.split(".")[0] == name:
            assert set(own_imports(module)) <= allowed


# scikit-learn imports pandas by itself where it is installed.
HEAVY = KERAS | ONLY_INSIDE_FUNCTIONS - {"pandas"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import skheart", {*HEAVY, "pandas", "sklearn", "numpy"}),
        ("import skheart.cli", {*HEAVY, "pandas", "sklearn", "numpy"}),
        ("from skheart import metrics, datasets; metrics.auroc_score", HEAVY),
        ("from skheart.datasets import CORPORA, load_pascal, make_heart_sounds", HEAVY),
        ("from skheart import SpectrogramTransformer, display, read_recording", HEAVY),
    ],
    ids=["skheart", "cli", "metrics", "datasets", "spectrogram"],
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


def test_every_public_name_resolves():
    assert skheart.__all__
    for name in skheart.__all__:
        assert getattr(skheart, name) is not None
        assert name in dir(skheart)


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_name_of_a_public_module_resolves(module):
    loaded = importlib.import_module(f"skheart.{module}")
    assert loaded.__all__
    for name in loaded.__all__:
        assert getattr(loaded, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = skheart.no_such_name


# Code --------------------------------------------------------------------------------


@EVERY_MODULE
def test_no_prints(name):
    lines = [
        node.lineno
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert name in MAY_PRINT or not lines, f"print in {name}, lines {lines}"


@EVERY_MODULE
def test_no_asserts(name):
    lines = [
        node.lineno for node in ast.walk(tree(name)) if isinstance(node, ast.Assert)
    ]
    assert not lines, f"assert in {name}, lines {lines}"


@EVERY_MODULE
def test_no_global_seeds(name):
    """Hold that no module draws from, or seeds, numpy's global generator."""
    allowed = {"RandomState", "Generator", "default_rng", "SeedSequence"}
    # What sets the seeds for a while and puts them back needs these.
    allowed |= {"seed", "get_state", "set_state"} if name == "_runtime" else set()
    found = re.findall(r"\bnp\.random\.(\w+)", MODULES[name].read_text())
    assert set(found) <= allowed


def test_version_is_that_of_the_metadata():
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    metadata = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    assert metadata["version"] == skheart.__version__
    assert metadata["name"] == "skheart"


# Docstrings --------------------------------------------------------------------------


def overrides_keras(owner, member):
    """Tell whether a method is one that Keras calls and documents."""
    return any(
        member in vars(base) and base.__module__.split(".")[0] == "keras"
        for base in owner.__mro__[1:]
    )


def public_objects():
    """Give the name and the object of every public function, class and method."""
    found = {}
    for module in PUBLIC_MODULES:
        loaded = importlib.import_module(f"skheart.{module}")
        for name in loaded.__all__:
            thing = getattr(loaded, name)
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
    """Give the names before the colons of a Parameters section, in order."""
    names = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            heads, _, kind = line.partition(" : ")
            assert kind or line.startswith("*"), f"no type in {line!r}"
            names += [head.strip().lstrip("*") for head in heads.split(",")]
    return names


def parameters_of(thing):
    """Give the names of the parameters; of a class, those of its ``__init__``."""
    function = vars(thing).get("__init__") if inspect.isclass(thing) else thing
    if function is None:
        return []
    names = list(inspect.signature(function).parameters)
    return names[1:] if names and names[0] in ("self", "cls") else names


def is_result_type(thing):
    """Tell whether a class is made by the package and not by its users."""
    return inspect.isclass(thing) and issubclass(thing, tuple | Exception)


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


def test_docstrings_tell_the_default_of_each_parameter(public):
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


def test_docstrings_tell_what_is_returned(public):
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
            # A class that is made by a method has its example there.
            methods = [
                public[other] for other in public if other.startswith(f"{name}.")
            ]
            examples = "".join(
                sections(method).get("Examples", "") for method in methods
            )
        if ">>>" not in examples:
            faults.append((name, "no example"))
    report(faults)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    text = MODULES[name].read_text(encoding="utf-8")
    if ">>>" not in text:
        return
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    dotted = "skheart." + name.removesuffix(".__init__")
    module = importlib.import_module(dotted.removesuffix(".__init__"))
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    said = []
    runner = doctest.DocTestRunner(optionflags=flags)
    for example in doctest.DocTestFinder().find(module):
        runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)

"""Pages made of templates, with the style and the script that lie beside them."""

from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup


def environment_of(
    package: str, templates: tuple[str, ...], style: str, script: str
) -> Environment:
    """These files of a package; whatever is put into its templates is escaped.

    They find `style` and `script` as text.
    """
    folder = files(package)

    def text(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        loader=DictLoader({name: text(name) for name in templates}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"style": Markup(text(style)), "script": Markup(text(script))}
    return environment

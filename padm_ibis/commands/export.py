"""``padm-ibis export``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, say


@click.command()
@click.argument("name")
@click.option("--to", metavar="DIR", required=True, help="A folder of its own; an earlier export there is replaced.")
@common("padm_ibis.report.tables:Manifest")
def export(options: Common, name: str, to: str) -> int:
    """Write one table as Parquet, with a manifest of what it was made from.

    A table with a column `particion` gets a folder for each of its values.
    """
    from padm_ibis import connect
    from padm_ibis.definitions import Definitions
    from padm_ibis.export import export as write

    config = options.load(secrets=False)
    with connect(config) as warehouse:
        manifest = write(warehouse, Definitions(config).graph, name, to)
    options.answer(manifest)
    if not options.quiet:
        for path, file in manifest["files"].items():
            say(f"{path}  {file['rows']:,} rows  {file['bytes']:,} bytes")
        say(f"{manifest['table']} as of {manifest['as_of']}, fingerprint {manifest['output']['fingerprint']}")
    return 0

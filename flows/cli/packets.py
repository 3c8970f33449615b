"""The commands about packets."""

from pathlib import Path


def packet(exception_id: str, *, run: Path, output: Path | None = None, pdf: bool = True) -> None:
    """Write the packet of one exception: line, clause, evidence, amount and a receipt, as one page of HTML and of PDF.

    Only the run's folder is read; what is written is a result and holds what that run's privacy level lets it hold.

    Parameters
    ----------
    exception_id
        the exception, or the first eight characters or more of its id
    run
        the folder run=ID of a complete run
    output
        where the packet goes (default: the folder packets beside the run)
    pdf
        write a PDF too
    """
    from flows.reports.packet.case import read_case
    from flows.reports.packet.write import write_packet

    for path in write_packet(
        output or run.resolve().parent / "packets", read_case(run, exception_id), pdf
    ):
        print(path)


def verify(packet: Path, *, run: Path) -> None:
    """Check a packet against its run: hashes of row, results, inputs and policy, and every word. Exit code 3 where it fails.

    Parameters
    ----------
    packet
        the packet, HTML or PDF
    run
        the folder run=ID of its run
    """
    from flows.reports.packet.verify import verify as checked

    print(checked(packet, run))

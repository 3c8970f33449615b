"""The option --install-completion, which writes a completion script for the user's shell."""

from typing import Literal

from cyclopts import App

from flows.errors import UsageError

Shell = Literal["bash", "fish", "zsh"]


def offer_completion(app: App) -> None:
    """Add the option to a command line."""

    def install_completion(*, shell: Shell | None = None) -> None:
        """Install completion of commands and options for your shell.

        Parameters
        ----------
        shell
            the shell (default: the one you are using)
        """
        from cyclopts.completion.detect import ShellDetectionError

        try:
            path = app.install_completion(shell=shell)
        except ShellDetectionError:
            raise UsageError("Your shell is not known. Name it with --shell.") from None
        print(f"Completion is installed in {path}. Start a new shell to use it.")

    app.command(install_completion, name="--install-completion")

"""The contract of every runtime, line by line: `docs/how-to/test-a-runtime.md` says which test holds which."""

from pfd_contract.suite import *  # noqa: F403

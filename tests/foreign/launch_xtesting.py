"""xtesting's run_tests as it is, but with its results below the folder of the first argument instead of /var/lib."""

import sys

from xtesting.utils import constants

constants.RESULTS_DIR = sys.argv.pop(1)

from xtesting.ci import run_tests  # noqa: E402

sys.exit(run_tests.main())

"""Checks between staging and historical: Great Expectations validates every pending delivery."""

from headwater.checks.run import foresee_verdict, run_checks
from headwater.checks.verdict import CheckResult, Verdict

__all__ = ["CheckResult", "Verdict", "foresee_verdict", "run_checks"]

"""The door between staging and historical: Great Expectations judges every pending delivery."""

from headwater.checks.run import run_checks
from headwater.checks.verdict import CheckResult, Verdict

__all__ = ["CheckResult", "Verdict", "run_checks"]

"""Plans as jobs: asked for in the store, made by processes of their own, which survive a restart of who asked."""

from api.jobs.runner import Runner, work
from api.jobs.table import (
    Job,
    JobRefused,
    PlanSoFar,
    Published,
    ask_plan,
    ask_solve,
    find_job,
    job_in,
    list_jobs,
    plan_so_far,
    problem_of,
    publish_job,
    request_stop,
)
from api.planning import differences

__all__ = [
    "Job",
    "JobRefused",
    "PlanSoFar",
    "Published",
    "Runner",
    "ask_plan",
    "ask_solve",
    "differences",
    "find_job",
    "job_in",
    "list_jobs",
    "plan_so_far",
    "problem_of",
    "publish_job",
    "request_stop",
    "work",
]

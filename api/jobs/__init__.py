"""Plans and rosters as jobs: asked for in the store, made by processes that survive a restart of who asked."""

from api.jobs.rosters import (
    DraftPublished,
    RosterAsked,
    ask_roster,
    find_draft,
    keep_draft,
    publish_roster_job,
)
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
    "DraftPublished",
    "Job",
    "JobRefused",
    "PlanSoFar",
    "Published",
    "RosterAsked",
    "Runner",
    "ask_plan",
    "ask_roster",
    "ask_solve",
    "differences",
    "find_draft",
    "find_job",
    "job_in",
    "keep_draft",
    "list_jobs",
    "plan_so_far",
    "problem_of",
    "publish_job",
    "publish_roster_job",
    "request_stop",
    "work",
]

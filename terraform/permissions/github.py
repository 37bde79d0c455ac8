"""The GitHub tokens with which a workflow's job assumes its role, in all forms of the subject.

Since July 2026, the subject of a new, renamed or transferred repository contains the numbers of owner and repository. Published
tokens have `@` before the number, and GitHub's changelog has `-`. The older form has no numbers.
https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
"""

from commands import jobs
from needed import Call

ISSUER = "token.actions.githubusercontent.com"
OWNER, OWNER_ID, NAME, ID = "example", "1234567", "sum-api", "7654321"  # from bootstrap/terraform.tfvars.example
SUBJECTS = {
    "without numbers": f"repo:{OWNER}/{NAME}",
    "numbers after @": f"repo:{OWNER}@{OWNER_ID}/{NAME}@{ID}",
    "numbers after -": f"repo:{OWNER}-{OWNER_ID}/{NAME}-{ID}",
}


def tokens(root, roles):
    for file, environment, _ in jobs(root):
        for form, subject in SUBJECTS.items():
            claims = {
                "aud": "sts.amazonaws.com",
                "sub": f"{subject}:environment:{environment}",
                "environment": environment,
                "repository": f"{OWNER}/{NAME}",
                "repository_id": ID,
                "repository_owner_id": OWNER_ID,
                "job_workflow_ref": f"{OWNER}/{NAME}/.github/workflows/{file}@refs/heads/main",
            }
            context = {f"{ISSUER}:{name}": value for name, value in claims.items()}
            yield Call(ISSUER, "sts:AssumeRoleWithWebIdentity", roles.get(environment, environment), f"{file}, subject {form}", context)

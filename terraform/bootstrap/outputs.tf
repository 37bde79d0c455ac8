# Values for the root module and for the settings of the repository.

output "backend" {
  description = "Backend configuration of the root module, for each environment: terraform -chdir=terraform/bootstrap output -json backend | jq -r .production > terraform/backend.hcl"
  value = { for environment in var.environments : environment => <<-END
    bucket     = "${aws_s3_bucket.state.id}"
    key        = "${var.name}/${environment}/terraform.tfstate"
    region     = "${var.region}"
    kms_key_id = "${aws_kms_key.this.arn}"
  END
  }
}

output "repositories" {
  description = "Image repositories, by folder of the service and container."
  value       = { for folder, service in local.services : folder => { for container in ["api", "nginx"] : container => aws_ecr_repository.this["${service}/${container}"].repository_url } }
}

output "roles" {
  description = "Roles for the workflows. The output `github` contains the GitHub environment of each role."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}

output "github" {
  description = "Values for GitHub: the repository, and for each GitHub environment its role and the environment of the stack for this role (null: all of them)."
  value = {
    repository   = var.repository
    branch       = var.branch
    region       = var.region
    environments = { for name, role in local.github_roles : role.environment => { role = role.kind, arn = aws_iam_role.github[name].arn, environment = role.reads } }
  }
}

output "on_call" {
  description = "Role of the engineer on call, and the policy of the role for a permission set."
  value       = { role = aws_iam_role.on_call.arn, policy = aws_iam_policy.on_call.arn }
}

output "keys_policy" {
  description = "Policy for people who change keys (cargo ops key). They also need the policy of the engineer on call."
  value       = aws_iam_policy.keys.arn
}

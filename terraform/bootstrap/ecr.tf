# Two repositories for each service. Tags are immutable. The services use digests.

resource "aws_ecr_repository" "this" {
  for_each = toset(flatten([for service in local.service_names : ["${service}/api", "${service}/nginx"]]))

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection # without it, AWS does not delete a repository that contains images

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  # Each image has two attestations without a tag. ECR does not document whether lifecycle rules count attestations as images. The rules
  # are correct in both cases: 150 entries are at least fifty images, and an attestation stays for a year. Fifty images are far more
  # than a rollback needs, and cost about ten cents per month.
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Without a tag for a year: attestations, and what an interrupted push left."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 365 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest fifty images stay, with two attestations each."
        selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 150 }
        action       = { type = "expire" }
      },
    ]
  })
}

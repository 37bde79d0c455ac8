# A table of AWS. It has its own file, because `cargo xtask terraform test` uses it and variables.tf without a provider.
locals {
  # The memory sizes in MiB that Fargate offers for each cpu size. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  fargate_memory = {
    "256"  = [512, 1024, 2048]
    "512"  = [for gib in range(1, 5) : gib * 1024]
    "1024" = [for gib in range(2, 9) : gib * 1024]
    "2048" = [for gib in range(4, 17) : gib * 1024]
    "4096" = [for gib in range(8, 31) : gib * 1024]
  }
}

# Warnings: the plan goes on, and says so.

check "trial_network" {
  assert {
    condition     = local.private
    error_message = "network = default-vpc: tasks have public addresses and may reach any host by HTTPS. For a trial only."
  }
}

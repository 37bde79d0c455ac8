# The timing budget. timing.json is the only place of the values. This configuration, the tests and `cargo xtask terraform timing` read
# it. The last one compares it with the rendering of sum-api and with the API's defaults. tests/timing.tftest.hcl asserts this order:
#
#   keep-alive   The receiver keeps an idle connection longer than the sender, so that the sender never uses a connection that the
#                receiver closes: ALB idle < nginx towards the ALB; nginx's upstream pool < the API's keep-alive.
#   one request  The API's body deadline < nginx's, so that the API sends the 408. nginx stops waiting for the API (504) before the
#                ALB stops waiting for nginx.
#   stopping     Requests in flight drain before ECS kills the container (stopTimeout). The deregistration delay of the load balancer
#                is at least as long as the stop of a container.
#   starting     ECS does not stop a task before the grace period ends, even if the task is not ready.
locals {
  timing = jsondecode(file("${path.module}/timing.json"))
}

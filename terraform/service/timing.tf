# The timing budget. Every figure stands once, in timing.json, because three languages read it: this configuration, the
# check that holds the rendering of sum-api and the API's defaults to it (`cargo xtask terraform timing`), and the tests
# that use it. The order that the figures must keep is asserted in tests/timing.tftest.hcl:
#
#   keep-alive   rises towards the back, so that no side sends on a connection that the other is closing:
#                ALB idle < nginx towards the ALB; nginx's upstream pool < the API's keep-alive.
#   one request  the API's body deadline < nginx's, so that the API answers the 408 itself; nginx gives the API up
#                (504) before the ALB gives nginx up.
#   stopping     what is in flight ends (drains) before the container is killed (stopTimeout), and the load balancer
#                has let go of the target for as long as a container may take.
#   starting     a task that is slow to get ready is not killed for it before the grace period ends.
locals {
  timing = jsondecode(file("${path.module}/timing.json"))
}

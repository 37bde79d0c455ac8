# The certificate and the DNS records, if domain_name and zone_id are set. With certificate_arn, Terraform creates neither.

locals {
  manage_domain   = var.zone_id != null
  certificate_arn = local.manage_domain ? one(aws_acm_certificate_validation.this[*].certificate_arn) : var.certificate_arn
}

resource "aws_acm_certificate" "this" {
  count = local.manage_domain ? 1 : 0

  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true # the listener always needs a certificate
  }
}

resource "aws_route53_record" "validation" {
  count = local.manage_domain ? 1 : 0

  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true # all certificates of this name in this account use the same record
}

resource "aws_acm_certificate_validation" "this" {
  count = local.manage_domain ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [aws_route53_record.validation[0].fqdn]
}

resource "aws_route53_record" "service" {
  count = local.manage_domain ? 1 : 0

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false # there is only one target, so an empty DNS answer does not help
  }
}

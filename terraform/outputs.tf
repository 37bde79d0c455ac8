# Outputs for people and scripts. The output `services` is in services.tf.

output "log_bucket" {
  description = "Bucket with the logs of the load balancers and the refused packets of the VPC."
  value       = aws_s3_bucket.logs.id
}

output "kms_key_arn" {
  description = "Key of the parameters, the logs and the alarm messages."
  value       = aws_kms_key.this.arn
}

output "topics" {
  description = "Topics of the alarms: page pages a person, notify is for working hours."
  value       = local.topic_arns
}

"""Disabled KMS keys. moto does not encrypt parameters, so SSM also returns values whose key is disabled. AWS returns an error.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html#API_GetParameter_Errors (InvalidKeyId)
"""

from moto.kms.models import kms_backends
from moto.ssm.exceptions import SSMException
from moto.ssm.models import Parameter


def refuse_disabled_keys():
    decrypt = Parameter.decrypt

    def decrypt_or_refuse(self, value):
        if self.parameter_type == "SecureString":
            name = self.keyid.rpartition("key/")[2]
            keys = [backend.keys.get(name) for backend in kms_backends[self.account_id].values()]
            for key in keys:
                if key and not key.enabled:
                    raise SSMException("InvalidKeyId", f"{key.arn} is disabled. (Service: Kms, Status Code: 400)")
        return decrypt(self, value)

    Parameter.decrypt = decrypt_or_refuse

/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Keys made for the tests and published with them: they protect nothing. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#define TEST_RSA_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC5JcuVkRR1kg/g\n" \
	"CYOJvyw6XQQ7OKHLK1mKXywCe/Xh5ssmlgVyanY7+xiFx/5QawLg/Ml7T+beuYeq\n" \
	"4jF8sh3ipoUVkToyd5Z2dqJuVIm6BcxS4ZzCbfnXgPh+xTDmW/Ggt+AZleJB31ST\n" \
	"KO7dnokDvGDkTdZQwsZ26xqYLhCd1Vj3ZRHARQXUj5Si+VuXIZzHJoneTF2BQj9J\n" \
	"E02Z+EG7yRWXNQVBHBQ8wAXVOmCr7tTm2nmOIS0v+Fw+k24LnimmxqcZGpB+waQn\n" \
	"qIXI1c42EP2mHjTat+Ge+tZSGdDijXoEZ7MyNEKGpx2GqNdXylUYwkRyGJkIuqgh\n" \
	"KBDwE8zxAgMBAAECggEAAIpPStZgdkp5dN3zqzIZW7MiVykmXlvKP5vceFiQdA5d\n" \
	"mI5PP1lJqgUEx/PNFXCCW91W+eyY/Q7XV9HbkLxmN2iE5g9rEExVYJy1UMtNKYyv\n" \
	"6CfCJyizMYDSh6ti3xA3EYM8Im9DtBshZjzIx0y5sbf7BAIbY46IFxFV3eXMlf0s\n" \
	"YnDTXz/ZTQf9EltB0mouugIXE22MVX6QJS8Lh+uuHLjbOS58rBMso7D1k08ydCli\n" \
	"ukU19pwGgxuW86fpN1Jq4EcXpM5S1+2nzpebkhV73qjxvJA+Zu9LPgWjTrlEIs8K\n" \
	"v944Hs5BZZdBnudNGhBIoFDcYMQZ9W7wk7fvxdfNAQKBgQD4FOGyj0oaxLo9CVIA\n" \
	"GVTkTpsaCEvi+5mleCfsmy+hfc8CzDZf3OLbEXrFauDQy32PwCVpak6jGpNmqRAU\n" \
	"tPzAWrc/9TlSJmeuUvJTTkxc+E/CoiocvLYgV+lUl8/OYZ52aahMyNz4H7zkSwZI\n" \
	"iL6p/edfmjIUXxEsQ0x0wGVt8QKBgQC/DqtZ1PoJwoLFfb9z7iR/g+rVM1w33llN\n" \
	"uM76+JjMQsCAfEi3mF9ThhfY+EMAwuKOVvHA1wWdZiMnz/NqPMptr2ZQvysJ002V\n" \
	"7lr6AwoboLQRBIeUjLT3JxPvIV9E3lPSr5L3UfMpGCY8/K5Gj4TAQhY9M7gtoSgZ\n" \
	"+JaTMdFPAQKBgAX5Kr4L6TLfzcQud0T9VyfwJJfp3znl6Pss+3kc+3ad+uAMXrrM\n" \
	"LMItl5EtU6BzZeCSNdRl9OLEfwwXwgVdnkBbbtIha3Ho7tIpuR/8YKZUbEc5dF4g\n" \
	"xRneRAX/aceEXjZnsN+4bmmjCf9NNyeD82NQc8O/iLko2NcB/9NH1qlhAoGAAc90\n" \
	"xjQjbmY+cPqhDssp419voTeMXycnN3pR08T5Ra44Pr9uvPafqJ3zqeWoVOCD3w9p\n" \
	"2Qbwka4/FQh+aPpMfL+Vu5wkH0K2UH5itE3FEb/zFNozIrA2osTnBnQNgAyPRMbP\n" \
	"ILLRGAmXiyplyFthyaSWq1vLGfuV8rENVDW7owECgYEA0wW/HEVrEiokJ7TwyU6n\n" \
	"bEL69kSyYJHUi3FGrImUakK2XoQUUYF6E4JCvi1T+VGqZhQ0LJ/iATIkcmMetXN1\n" \
	"m67mTje9Yb2dkJ/dujK4w/Jc0OM98laKBWdvI6ijaQmlGS0lbRvYMhRx76KphmxT\n" \
	"IIQQdwEKVi0KrygHZ1wXdE0=\n" \
	"-----END PRIVATE KEY-----\n"

/* The same in the older form. */
#define TEST_RSA_PKCS1_PEM \
	"-----BEGIN RSA PRIVATE KEY-----\n" \
	"MIIEowIBAAKCAQEAuSXLlZEUdZIP4AmDib8sOl0EOzihyytZil8sAnv14ebLJpYF\n" \
	"cmp2O/sYhcf+UGsC4PzJe0/m3rmHquIxfLId4qaFFZE6MneWdnaiblSJugXMUuGc\n" \
	"wm3514D4fsUw5lvxoLfgGZXiQd9Ukyju3Z6JA7xg5E3WUMLGdusamC4QndVY92UR\n" \
	"wEUF1I+UovlblyGcxyaJ3kxdgUI/SRNNmfhBu8kVlzUFQRwUPMAF1Tpgq+7U5tp5\n" \
	"jiEtL/hcPpNuC54ppsanGRqQfsGkJ6iFyNXONhD9ph402rfhnvrWUhnQ4o16BGez\n" \
	"MjRChqcdhqjXV8pVGMJEchiZCLqoISgQ8BPM8QIDAQABAoIBAACKT0rWYHZKeXTd\n" \
	"86syGVuzIlcpJl5byj+b3HhYkHQOXZiOTz9ZSaoFBMfzzRVwglvdVvnsmP0O11fR\n" \
	"25C8ZjdohOYPaxBMVWCctVDLTSmMr+gnwicoszGA0oerYt8QNxGDPCJvQ7QbIWY8\n" \
	"yMdMubG3+wQCG2OOiBcRVd3lzJX9LGJw018/2U0H/RJbQdJqLroCFxNtjFV+kCUv\n" \
	"C4frrhy42zkufKwTLKOw9ZNPMnQpYrpFNfacBoMblvOn6TdSauBHF6TOUtftp86X\n" \
	"m5IVe96o8byQPmbvSz4Fo065RCLPCr/eOB7OQWWXQZ7nTRoQSKBQ3GDEGfVu8JO3\n" \
	"78XXzQECgYEA+BThso9KGsS6PQlSABlU5E6bGghL4vuZpXgn7JsvoX3PAsw2X9zi\n" \
	"2xF6xWrg0Mt9j8AlaWpOoxqTZqkQFLT8wFq3P/U5UiZnrlLyU05MXPhPwqIqHLy2\n" \
	"IFfpVJfPzmGedmmoTMjc+B+85EsGSIi+qf3nX5oyFF8RLENMdMBlbfECgYEAvw6r\n" \
	"WdT6CcKCxX2/c+4kf4Pq1TNcN95ZTbjO+viYzELAgHxIt5hfU4YX2PhDAMLijlbx\n" \
	"wNcFnWYjJ8/zajzKba9mUL8rCdNNle5a+gMKG6C0EQSHlIy09ycT7yFfRN5T0q+S\n" \
	"91HzKRgmPPyuRo+EwEIWPTO4LaEoGfiWkzHRTwECgYAF+Sq+C+ky383ELndE/Vcn\n" \
	"8CSX6d855ej7LPt5HPt2nfrgDF66zCzCLZeRLVOgc2XgkjXUZfTixH8MF8IFXZ5A\n" \
	"W27SIWtx6O7SKbkf/GCmVGxHOXReIMUZ3kQF/2nHhF42Z7DfuG5pown/TTcng/Nj\n" \
	"UHPDv4i5KNjXAf/TR9apYQKBgAHPdMY0I25mPnD6oQ7LKeNfb6E3jF8nJzd6UdPE\n" \
	"+UWuOD6/brz2n6id86nlqFTgg98PadkG8JGuPxUIfmj6THy/lbucJB9CtlB+YrRN\n" \
	"xRG/8xTaMyKwNqLE5wZ0DYAMj0TGzyCy0RgJl4sqZchbYcmklqtbyxn7lfKxDVQ1\n" \
	"u6MBAoGBANMFvxxFaxIqJCe08MlOp2xC+vZEsmCR1ItxRqyJlGpCtl6EFFGBehOC\n" \
	"Qr4tU/lRqmYUNCyf4gEyJHJjHrVzdZuu5k43vWG9nZCf3boyuMPyXNDjPfJWigVn\n" \
	"byOoo2kJpRktJW0b2DIUce+iqYZsUyCEEHcBClYtCq8oB2dcF3RN\n" \
	"-----END RSA PRIVATE KEY-----\n"

#define TEST_P256_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS5iT4UpJ6oNXLcHf\n" \
	"ywcPMhCpv8Tl2Jhv075xO3H5UGqhRANCAASr2cg1gWowYUT4bV5GCcExFJqb/tu0\n" \
	"Gd50OyRz1oMzG+uoTWrTTpd1/VaDLB/NYkB3aBnYXYTK0ybcKSGqa+xO\n" \
	"-----END PRIVATE KEY-----\n"

/* The same, after its EC PARAMETERS. */
#define TEST_P256_SEC1_PEM \
	"-----BEGIN EC PARAMETERS-----\n" \
	"BggqhkjOPQMBBw==\n" \
	"-----END EC PARAMETERS-----\n" \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"MHcCAQEEIEuYk+FKSeqDVy3B38sHDzIQqb/E5diYb9O+cTtx+VBqoAoGCCqGSM49\n" \
	"AwEHoUQDQgAEq9nINYFqMGFE+G1eRgnBMRSam/7btBnedDskc9aDMxvrqE1q006X\n" \
	"df1WgywfzWJAd2gZ2F2EytMm3CkhqmvsTg==\n" \
	"-----END EC PRIVATE KEY-----\n"

#define TEST_P384_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA1yuefFoe+G+fZ5wuH\n" \
	"hLh29YyyQcSgYHWZ1ohsg6gnbmE4hokhIR8F4rg8JMHIz8uhZANiAAT3nyEEOGBO\n" \
	"C3Vzcx4F37OaEUhWJPmcDiM1FmE/E0IcrSrYqwbbCBgtdbBhx9BCau0LrjTAzE3m\n" \
	"IBpTgJCoocG/k6eHm9Vo1g5YGdMkmgYrpJ/zSNTrj0YiJbQE9daWDc8=\n" \
	"-----END PRIVATE KEY-----\n"

#define TEST_ED25519_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIPI0ipLBBSZy0PYDnqxzUzD5sd6M6blkXVEWkjuUCWdl\n" \
	"-----END PRIVATE KEY-----\n"

#define TEST_RSA1024_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAMaqj2w/8OT0No7p\n" \
	"SNXpbLcbaBBdR97e9J4Z/XAfuuDLBXFNXmXwBlro/UjIh0OiHwRrET+3AuOWVBVj\n" \
	"naEMbBrumjd51kkyNU/Qp/+ceR4CyRdIslM1Jy6ohBdTB4dC7Heuzzdvi9gfY2v6\n" \
	"NxXyVWIAIzRC8ZfQRUYDdsOKkcvPAgMBAAECgYAxMWK6R0r7Jo2r7ZAfh+Fnpd2q\n" \
	"z65QPZ0M2RqsfO7lYuBCIgpR65FnSXIOZ7k2who0Gd73i/WnLT483aHWkyDhSc0I\n" \
	"POU6U3ifiPRvB/xjhIydXmOHqOvMxCaAtTtF/0Txr+IHwodZKLt73wfpXmNePgmh\n" \
	"4C6X7FMm7HbwXhENgQJBAP+FoHOyLrGQDCM6tWV2EN8Qtqsb400kK8fWrOsFi+g/\n" \
	"uOdCf12PhNmOFyv+jBaEDJjdcinrv3pxQTsweHmzZ9ECQQDHCbRV4JkSXKaoYRyW\n" \
	"HS7SENCCUFzn5OKyb6BcljfDwRyY7DI5gDX+JAIquuYDPnzyCH0ZlVWrqO7EJMYI\n" \
	"lIGfAkA8O+rT+yfosZU65McIEOnvO4hkE6HkeGddp2yBxn/xkrvqwBE4I/HkOwuZ\n" \
	"UlsBn8U8b89OtIUhvvrqkgWEYtdRAkB0ds064u0uvWAXbpuXiwP2jzgyyGtUla3A\n" \
	"02h2RL/kn37oTG0nEEqHpvJNpocopsvdo/Hvol46z+LGiu4F3z/pAkBnO8ob9rSU\n" \
	"jsDEe4fN6ZQQcJX9FCr8Na5JL5LtjpL/WJG8h7Umdghzi7/H7HLa8LYmEmYAr8v6\n" \
	"PncB8Dw1vTDx\n" \
	"-----END PRIVATE KEY-----\n"

/* Passphrase "x". */
#define TEST_ENCRYPTED_PEM \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjohy+WwHqK4wICCAAw\n" \
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEA3mQMokGGAFDV7i3qsjh20EgZA+\n" \
	"w8S0zHJp0iKbTwzj1OTVsnsjQpejAP+2+4XpNfOlJpuAHrgxy0MFKJwU9j8PfWyM\n" \
	"e5ZPO8iFAz2ENFbgYFzD8wmjsavZVCq4U+d4K/6j+WX07ki5uJT+VGI7mGB3q2dm\n" \
	"1ZmnQ51DhgLxqqz4WWRDYo3aJoJ1zydUsO69BvWh17Iid4wPU/SWweNwMgBJDls=\n" \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

/* No private half. */
#define TEST_PUBLIC_PEM \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEq9nINYFqMGFE+G1eRgnBMRSam/7b\n" \
	"tBnedDskc9aDMxvrqE1q006Xdf1WgywfzWJAd2gZ2F2EytMm3CkhqmvsTg==\n" \
	"-----END PUBLIC KEY-----\n"

#endif

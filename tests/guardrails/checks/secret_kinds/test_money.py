"""Keys of payment, shop, banking, shipping and blockchain services are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import money
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("STRIPE_SECRET_KEY", "", "rk_live_ A:16"),
    ("STRIPE_WEBHOOK_SECRET", "", "whsec_ b:24"),
    ("PAYSTACK_SECRET_KEY", "", "sk_live_ h:40"),
    ("CLERK_SECRET_KEY", "CLERK_SECRET_KEY=", "sk_live_ A:32"),
    ("SQUARE_TOKEN", "", "EAAA w:60"),
    ("BRAINTREE_TOKEN", "", "access_token$production$ l:16 $ h:32"),
    ("PAYPAL_CLIENT_SECRET", "PAYPAL_CLIENT_SECRET=", "E w:79"),
    ("ADYEN_API_KEY", "ADYEN_API_KEY=", "AQA b:60"),
    ("CHECKOUT_SECRET_KEY", "", "sk_ 2:26 l:1"),
    ("MOLLIE_API_KEY", "", "live_ A:30"),
    ("GOCARDLESS_TOKEN", "GOCARDLESS_TOKEN=", "live_ w:40"),
    ("RAZORPAY_KEY", "", "rzp_live_ A:14"),
    ("PADDLE_API_KEY", "", "pdl_live_apikey_ l:26 _ A:22 _ A:3"),
    ("XENDIT_KEY", "", "xnd_production_ A:40"),
    ("OMISE_SECRET_KEY", "", "skey_ l:19"),
    ("MIDTRANS_SERVER_KEY", "", "Mid-server- w:24"),
    ("MERCADO_PAGO_TOKEN", "", "APP_USR- d:12 - d:6 - h:32 - d:6"),
    ("ASAAS_TOKEN", "", "$aact_ w:60"),
    ("CASHFREE_SECRET_KEY", "", "cfsk_ma_prod_ h:32 _ h:8"),
    ("FLUTTERWAVE_SECRET_KEY", "", "FLWSECK- A:32 -X"),
    ("KLARNA_API_KEY", "", "klarna_live_api_ w:40"),
    ("POLAR_TOKEN", "", "polar_oat_ A:40"),
    ("PLAID_ACCESS_TOKEN", "", "access-sandbox- uuid"),
    ("PLAID_SECRET", "PLAID_SECRET=", "h:30"),
    ("WISE_API_TOKEN", "WISE_API_TOKEN=", "uuid"),
    ("SHOPIFY_TOKEN", "", "shpat_ H:32"),
    ("WOOCOMMERCE_KEY", "", "ck_ h:40"),
    ("EASYPOST_API_KEY", "", "EZAK A:54"),
    ("SHIPPO_TOKEN", "", "shippo_live_ h:40"),
    ("LOB_API_KEY", "", "live_ h:35"),
    ("DUFFEL_TOKEN", "", "duffel_test_ w:43"),
    ("AFTERSHIP_API_KEY", "", "asat_ h:32"),
    ("COINBASE_SECRET", "COINBASE_SECRET=", "b:32"),
    ("BINANCE_SECRET", "BINANCE_SECRET=", "A:64"),
    ("KRAKEN_PRIVATE_KEY", "KRAKEN_PRIVATE_KEY=", "b:86 =="),
    ("ALPACA_KEY", "ALPACA_KEY=", "AK U:18"),
    ("OANDA_TOKEN", "OANDA_TOKEN=", "h:32 - h:32"),
    ("INFURA_API_KEY", "INFURA_API_KEY=", "h:32"),
    ("INFURA_API_KEY", "", "infura.io/v3/ h:32"),
    ("ALCHEMY_API_KEY", "ALCHEMY_API_KEY=", "w:32"),
    ("ETHERSCAN_API_KEY", "ETHERSCAN_API_KEY=", "U:34"),
    ("ETHEREUM_PRIVATE_KEY", "ETHEREUM_PRIVATE_KEY=", "0x H:64"),
    ("EXTENDED_PRIVATE_KEY", "", "tprv k:107"),
    ("NOSTR_SECRET_KEY", "", "nsec1 n:58"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(money.KINDS, FORMS) == []

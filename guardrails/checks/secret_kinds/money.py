"""Keys of payment, shop, banking, shipping and blockchain services."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, keyed, keyed_uuid, token

_PAYMENTS = (
    token(
        "PAYSTACK_SECRET_KEY",
        "Paystack",
        r"\bsk_(?:live|test)_[0-9a-f]{40}\b",
        "sk_(?:live|test)_[0-9a-f]{16}",
    ),
    token(
        "STRIPE_SECRET_KEY",
        "Stripe",
        r"\b[sr]k_(?:org_)?(?:live|test|prod)_[A-Za-z0-9]{16,200}\b",
        r"\b[sr]k_(?:org_)?(?:live|test|prod)_[A-Za-z0-9]{16}",
    ),
    token("STRIPE_WEBHOOK_SECRET", "Stripe", r"\bwhsec_[A-Za-z0-9+/]{24,64}={0,2}", "whsec_"),
    keyed("CLERK_SECRET_KEY", "Clerk", "clerk", "sk_(?:live|test)_[A-Za-z0-9]{32,64}", 0.96),
    token(
        "SQUARE_TOKEN",
        "Square",
        r"\b(?:EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43})",
        r"\b(?:EAAA[A-Za-z0-9_-]{12}|sq0(?:atp|csp|idp)-)",
    ),
    token(
        "BRAINTREE_TOKEN",
        "Braintree",
        r"\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}\b",
        r"access_token\$",
    ),
    keyed("PAYPAL_CLIENT_SECRET", "PayPal", "paypal", "E[A-Za-z0-9_-]{79}"),
    keyed("ADYEN_API_KEY", "Adyen", "adyen|x-api-key", "AQ[A-Z][A-Za-z0-9+/=.-]{60,250}"),
    token(
        "CHECKOUT_SECRET_KEY",
        "Checkout.com",
        r"\bsk_(?:sbox_)?[a-z2-7]{26}[a-z0-9*#$=]",
        r"\bsk_(?:sbox_)?[a-z2-7]{26}",
    ),
    token("MOLLIE_API_KEY", "Mollie", r"\b(?:live|test)_[A-Za-z0-9]{30}\b", gate="random"),
    keyed("GOCARDLESS_TOKEN", "GoCardless", "gocardless", "(?:live|sandbox)_[A-Za-z0-9_-]{40}"),
    token("RAZORPAY_KEY", "Razorpay", r"\brzp_(?:live|test)_[A-Za-z0-9]{14}\b", r"\brzp_"),
    token(
        "PADDLE_API_KEY",
        "Paddle",
        r"\bpdl_(?:live|sdbx|test)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}\b",
        "_apikey_[a-z0-9]{26}_",
    ),
    token("XENDIT_KEY", "Xendit", r"\bxnd_(?:production|development)_[A-Za-z0-9]{40,70}\b", r"\bxnd_"),
    token("OMISE_SECRET_KEY", "Omise", r"\bskey_(?:test_)?[a-z0-9]{19}\b", r"\bskey_"),
    token("MIDTRANS_SERVER_KEY", "Midtrans", r"\b(?:SB-)?Mid-server-[A-Za-z0-9_-]{24}", "Mid-server-"),
    token(
        "MERCADO_PAGO_TOKEN",
        "Mercado Pago",
        r"\b(?:APP_USR|TEST)-\d{12,16}-\d{6}-[0-9a-f]{32}-\d{6,12}\b",
        r"-\d{6}-[0-9a-f]{32}-",
    ),
    token("ASAAS_TOKEN", "Asaas", r"\$aact_[A-Za-z0-9_:=-]{60,220}", r"\$aact_"),
    token(
        "CASHFREE_SECRET_KEY",
        "Cashfree",
        r"\bcfsk_ma_(?:prod|test)_[0-9a-f]{32}_[0-9a-f]{8}\b",
        "cfsk_ma_",
    ),
    token("FLUTTERWAVE_SECRET_KEY", "Flutterwave", r"\bFLWSECK(?:_TEST)?-[0-9A-Za-z]{32}-X\b", "FLWSECK"),
    token(
        "KLARNA_API_KEY",
        "Klarna",
        r"\bklarna_(?:live|test)_api_[A-Za-z0-9_-]{40,400}",
        "klarna_(?:live|test)_",
    ),
    token("POLAR_TOKEN", "Polar", r"\bpolar_(?:oat|pat|whs)_[A-Za-z0-9]{40,52}\b", "polar_(?:oat|pat|whs)_"),
    token(
        "PLAID_ACCESS_TOKEN",
        "Plaid",
        rf"\baccess-(?:sandbox|development|production)-{UUID}\b",
        r"\baccess-(?:sandbox|development|production)-[0-9a-f]",
    ),
    keyed("PLAID_SECRET", "Plaid", "plaid", "[0-9a-f]{30}"),
    keyed_uuid("WISE_API_TOKEN", "Wise", "transferwise|wise_api"),
)

_SHOPS = (
    token(
        "SHOPIFY_TOKEN",
        "Shopify",
        r"\bshp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}\b",
        r"\bshp(?:at|ca|pa|ss|tka)_",
    ),
    token("WOOCOMMERCE_KEY", "WooCommerce", r"\bc[ks]_[0-9a-f]{40}\b", r"\bc[ks]_[0-9a-f]{12}"),
    token("EASYPOST_API_KEY", "EasyPost", r"\bEZ[AT]K[A-Za-z0-9]{54}\b", r"\bEZ[AT]K"),
    token("SHIPPO_TOKEN", "Shippo", r"\bshippo_(?:live|test)_[0-9a-f]{40}\b", "shippo_"),
    token("LOB_API_KEY", "Lob", r"\b(?:live|test)_[0-9a-f]{35}\b", r"\b(?:live|test)_[0-9a-f]{12}"),
    token("DUFFEL_TOKEN", "Duffel", r"\bduffel_(?:test|live)_[A-Za-z0-9_=-]{43}", "duffel_"),
    token("AFTERSHIP_API_KEY", "AfterShip", r"\basat_[0-9a-f]{32}\b", r"\basat_"),
)

_CHAINS = (
    keyed("COINBASE_SECRET", "Coinbase", "coinbase", "[A-Za-z0-9+/]{32,86}={0,2}"),
    keyed("BINANCE_SECRET", "Binance", "binance", "[A-Za-z0-9]{64}"),
    keyed("KRAKEN_PRIVATE_KEY", "Kraken", "kraken", "[A-Za-z0-9+/]{86}=="),
    keyed("ALPACA_KEY", "Alpaca", "alpaca|apca", "(?:[AP]K[A-Z0-9]{18,24}|[A-Za-z0-9]{40,44})"),
    keyed("OANDA_TOKEN", "OANDA", "oanda", "[0-9a-f]{32}-[0-9a-f]{32}"),
    keyed("INFURA_API_KEY", "Infura", "infura", "[0-9a-f]{32}"),
    token("INFURA_API_KEY", "Infura", r"\binfura\.io/(?:ws/)?v3/[0-9a-f]{32}\b", r"infura\.io/"),
    keyed("ALCHEMY_API_KEY", "Alchemy", "alchemy", "[A-Za-z0-9_-]{32}"),
    keyed("ETHERSCAN_API_KEY", "Etherscan", "(?:ether|bsc|polygon)scan", "[A-Z0-9]{34}"),
    keyed(
        "ETHEREUM_PRIVATE_KEY",
        "Ethereum account",
        "(?:private|wallet|deployer|account|signer)_?(?:private_?)?key",
        "0x[0-9a-fA-F]{64}",
    ),
    token(
        "EXTENDED_PRIVATE_KEY",
        "BIP-32 wallet",
        r"\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{107}\b",
        r"\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{12}",
    ),
    token("NOSTR_SECRET_KEY", "Nostr", r"\bnsec1[02-9ac-hj-np-z]{58}\b", r"\bnsec1"),
)

KINDS = (*_PAYMENTS, *_SHOPS, *_CHAINS)
"""Kinds of this file."""

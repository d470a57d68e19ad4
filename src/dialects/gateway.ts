/** The gateway as languages know it. */

/** The listener for clear text that every gateway has: languages without listeners of their own route here. */
export const GATEWAY_HTTP = 'gateway-http'

package dev.spikewise.webhook;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.apache.hc.client5.http.DnsResolver;
import org.springframework.stereotype.Component;

/**
 * Resolves host names for connections and checks the addresses, so that the checked address is the
 * one that is connected to even when the name resolves differently a moment later.
 */
@Component
final class PublicAddresses implements DnsResolver {

  private final boolean allowPrivate;

  PublicAddresses(WebhookSettings settings) {
    this.allowPrivate = settings.allowPrivate();
  }

  /** The name resolves to an address that webhooks may not reach. */
  static final class NotPublicException extends UnknownHostException {
    NotPublicException(String host, InetAddress address) {
      super(
          (host.equals(address.getHostAddress())
                  ? host
                  : host + ", which is " + address.getHostAddress() + ",")
              + " is not a public address: use one, or set spikewise.webhooks.allow-private=true");
    }
  }

  @Override
  public InetAddress[] resolve(String host) throws UnknownHostException {
    var addresses = InetAddress.getAllByName(host);
    for (var address : addresses) {
      if (!allowPrivate && !isPublic(address)) {
        throw new NotPublicException(host, address);
      }
    }
    return addresses;
  }

  @Override
  public String resolveCanonicalHostname(String host) throws UnknownHostException {
    return resolve(host)[0].getCanonicalHostName();
  }

  /**
   * Whether an address is global unicast according to IANA's registries of special-purpose
   * addresses.
   */
  static boolean isPublic(InetAddress address) {
    if (address.isAnyLocalAddress()
        || address.isLoopbackAddress()
        || address.isLinkLocalAddress()
        || address.isSiteLocalAddress()
        || address.isMulticastAddress()) {
      return false;
    }
    var bytes = address.getAddress();
    int first = bytes[0] & 0xff;
    int second = bytes[1] & 0xff;
    if (bytes.length == 4) {
      int third = bytes[2] & 0xff;
      return first != 0
          && !(first == 100 && second >= 64 && second < 128)
          && !(first == 192 && second == 0 && (third == 0 || third == 2))
          && !(first == 192 && second == 88 && third == 99)
          && !(first == 198 && (second == 18 || second == 19))
          && !(first == 198 && second == 51 && third == 100)
          && !(first == 203 && second == 0 && third == 113)
          && first < 240;
    }
    int third = bytes[2] & 0xff;
    int fourth = bytes[3] & 0xff;
    // 2001:0000::/23 and 2002::/16 are tunnels that may lead to any address; 2001:db8::/32 and
    // 3fff::/20 are for documentation.
    return first >> 5 == 1
        && !(first == 0x20 && second == 0x01 && third < 2)
        && !(first == 0x20 && second == 0x01 && third == 0x0d && fourth == 0xb8)
        && !(first == 0x20 && second == 0x02)
        && !(first == 0x3f && second == 0xff && third < 0x10);
  }
}

package dev.spikewise.snn.data;

/**
 * PyTorch's CPU generator: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998,
 * doi:10.1145/272991.272995) seeded by its {@code init_genrand}, with PyTorch's way of making a
 * uniform float of a 32-bit draw. Equal, bit for bit, to {@code torch.manual_seed(seed)}.
 */
public final class TorchRandom {

  private static final int N = 624;
  private static final int M = 397;

  private final int[] state = new int[N];
  private int next = N;

  public TorchRandom(long seed) {
    state[0] = (int) seed;
    for (int j = 1; j < N; j++) {
      state[j] = 1812433253 * (state[j - 1] ^ state[j - 1] >>> 30) + j;
    }
  }

  /** 32 random bits. */
  public int nextInt() {
    if (next == N) {
      twist();
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >>> 18;
  }

  /** A number in [low, high), as PyTorch's {@code Tensor.uniform_} draws it. */
  public float uniform(float low, float high) {
    double x = (nextInt() & 0xffffff) * 0x1p-24;
    return (float) (x * (double) (high - low) + low);
  }

  private void twist() {
    for (int i = 0; i < N; i++) {
      int y = state[i] & 0x80000000 | state[(i + 1) % N] & 0x7fffffff;
      state[i] = state[(i + M) % N] ^ y >>> 1 ^ -(y & 1) & 0x9908b0df;
    }
    next = 0;
  }
}

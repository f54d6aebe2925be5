package dev.spikewise.snn.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.kernel.vector.VectorKernels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels on vectors of every width that this processor has, each in a JVM of its own. */
class VectorWidthTest {

  /** Every 41st of the hundreds of neuron models is checked. */
  private static final int NEURONS = 41;

  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void kernelsAgreeWithTheScalarOnes(int bits) throws Exception {
    if (bits > VectorKernels.bits()) {
      assertThat(check(bits))
          .contains("must be 128, 256 or 512 and at most " + VectorKernels.bits());
    } else if (bits < VectorKernels.bits()) { // the widest is what KernelsTest checks
      assertThat(check(bits)).endsWith("vector-" + bits + " agrees\n");
    }
  }

  private static String check(int bits) throws IOException, InterruptedException {
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "-Xshare:auto",
                "-Dspikewise.vector.bits=" + bits,
                "-cp",
                System.getProperty("java.class.path"),
                VectorWidthTest.class.getName())
            .redirectErrorStream(true)
            .start();
    try {
      return new String(process.getInputStream().readAllBytes());
    } finally {
      process.destroyForcibly().waitFor(1, TimeUnit.MINUTES);
    }
  }

  /** Runs in the other JVM; ends with an exception where a kernel is wrong. */
  public static void main(String[] args) {
    String name;
    try (var kernels = new VectorKernels(1)) {
      name = kernels.name();
    }
    var checks = new KernelsTest();
    KernelsTest.shapes().forEach(checks::vectorConvolutionsAgreeWithTheScalarOnes);
    checks.fullyConnectedLayersAgreeWithTheScalarOnes(130, 37);
    checks.fullyConnectedLayersAgreeWithTheScalarOnes(300, 16);
    List<LeakyIntegrator> neurons = KernelsTest.neurons();
    for (int i = 0; i < neurons.size(); i += NEURONS) {
      checks.vectorNeuronsAgreeWithTheScalarOnes(neurons.get(i));
      checks.vectorNeuronsWithAPoolBehindThemAgreeWithTheScalarOnes(neurons.get(i));
    }
    System.out.println(name + " agrees");
  }
}

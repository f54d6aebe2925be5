package dev.spikewise.dataset;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.InvalidSpecException;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.ProblemException;
import java.util.Arrays;
import java.util.List;
import org.springframework.stereotype.Service;

/** The data sets there are: the bundled digits. */
@Service
public class Datasets {

  private static final String DIGITS = "digits";

  private final Dataset digits = Dataset.digits();

  public Page<DatasetInfo> list() {
    return new Page<>(List.of(info(digits)), null);
  }

  public DatasetInfo get(String id) {
    if (!id.equals(DIGITS)) {
      throw ProblemException.notFound("data set", id);
    }
    return info(digits);
  }

  /** The data set that {@code input}, at the pointer "/input", names. */
  public Dataset resolve(InputSpec.FromDataset input) {
    if (!input.id().equals(DIGITS)) {
      throw new InvalidSpecException("/input/id", "there is no data set with the id " + input.id());
    }
    return digits;
  }

  private static DatasetInfo info(Dataset dataset) {
    return new DatasetInfo(
        DIGITS,
        dataset.name(),
        dataset.size(),
        dataset.shape().dims(),
        dataset.timeSteps(),
        Arrays.stream(dataset.labels()).max().orElse(-1) + 1);
  }
}

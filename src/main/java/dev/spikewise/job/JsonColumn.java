package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import jakarta.persistence.AttributeConverter;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** A record in a text column, as the same JSON that the API speaks. */
public abstract class JsonColumn<T> implements AttributeConverter<@Nullable T, @Nullable String> {

  private final JsonMapper mapper;
  private final Class<T> type;

  private JsonColumn(JsonMapper mapper, Class<T> type) {
    this.mapper = mapper;
    this.type = type;
  }

  @Override
  public @Nullable String convertToDatabaseColumn(@Nullable T value) {
    return value == null ? null : mapper.writeValueAsString(value);
  }

  @Override
  public @Nullable T convertToEntityAttribute(@Nullable String json) {
    return json == null ? null : mapper.readValue(json, type);
  }

  public static final class OfTrainingSpec extends JsonColumn<TrainingSpec> {
    public OfTrainingSpec(JsonMapper mapper) {
      super(mapper, TrainingSpec.class);
    }
  }

  public static final class OfModelSpec extends JsonColumn<ModelSpec> {
    public OfModelSpec(JsonMapper mapper) {
      super(mapper, ModelSpec.class);
    }
  }

  public static final class OfStatistics extends JsonColumn<Statistics> {
    public OfStatistics(JsonMapper mapper) {
      super(mapper, Statistics.class);
    }
  }

  public static final class OfEpochMetrics extends JsonColumn<EpochMetrics> {
    public OfEpochMetrics(JsonMapper mapper) {
      super(mapper, EpochMetrics.class);
    }
  }

  public static final class OfVerdict extends JsonColumn<Verdict> {
    public OfVerdict(JsonMapper mapper) {
      super(mapper, Verdict.class);
    }
  }

  public static final class OfProvenance extends JsonColumn<Provenance> {
    public OfProvenance(JsonMapper mapper) {
      super(mapper, Provenance.class);
    }
  }
}

package dev.spikewise.web;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.convert.TypeDescriptor;
import org.springframework.core.convert.converter.ConditionalGenericConverter;
import org.springframework.format.FormatterRegistry;
import org.springframework.http.MediaType;
import org.springframework.http.converter.HttpMessageConverters;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * Makes Spring MVC strict: it refuses parameters that it would otherwise ignore or guess, and does
 * not split values at commas.
 */
@Configuration(proxyBeanMethods = false)
class WebConfiguration implements WebMvcConfigurer {

  private final QueryCheck queryCheck;

  WebConfiguration(QueryCheck queryCheck) {
    this.queryCheck = queryCheck;
  }

  @Override
  public void addInterceptors(InterceptorRegistry registry) {
    registry.addInterceptor(queryCheck);
  }

  @Override
  public void addFormatters(FormatterRegistry registry) {
    registry.addConverter(new WholeText());
  }

  /**
   * Removes Jackson's other formats such as YAML, which libraries bring in and which would bypass
   * the checks for JSON.
   */
  @Override
  public void configureMessageConverters(HttpMessageConverters.ServerBuilder builder) {
    builder.configureMessageConvertersList(
        converters ->
            converters.removeIf(
                converter ->
                    converter.getSupportedMediaTypes().stream()
                        .map(MediaType::getSubtype)
                        .anyMatch(type -> type.contains("yaml"))));
  }

  /** Converts a text to a list with one entry, where Spring would split it at commas. */
  private static final class WholeText implements ConditionalGenericConverter {

    @Override
    public Set<ConvertiblePair> getConvertibleTypes() {
      return Set.of(new ConvertiblePair(String.class, Collection.class));
    }

    @Override
    public boolean matches(TypeDescriptor from, TypeDescriptor to) {
      var element = to.getElementTypeDescriptor();
      return element != null && element.getType() == String.class;
    }

    @Override
    public @Nullable Object convert(
        @Nullable Object source, TypeDescriptor from, TypeDescriptor to) {
      return source == null ? null : List.of(source);
    }
  }
}

package dev.spikewise.model;

import jakarta.persistence.LockModeType;
import java.util.Optional;
import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Lock;
import org.springframework.data.jpa.repository.Query;

interface ModelRepository extends JpaRepository<ModelRow, UUID> {

  @Lock(LockModeType.PESSIMISTIC_WRITE)
  @Query("select m from ModelRow m where m.id = :id")
  Optional<ModelRow> lock(UUID id);
}

import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { Dictionary } from './dictionary.js';
import { Partitions } from './partitions.js';

/** What all who read or write the journal need to know: ids of names, and which hours there are. */
@Module({
  providers: [
    {
      provide: Dictionary,
      inject: [DataSource, CONFIG],
      useFactory: (db: DataSource, config: Config) => new Dictionary(db, config),
    },
    { provide: Partitions, inject: [DataSource], useFactory: (db: DataSource) => new Partitions(db) },
  ],
  exports: [Dictionary, Partitions],
})
export class NamesModule {}
